with

source as (

    select * from {{ cast_records(source('raw', 'exchange_rates')) }}

),

judged as (

    select
        {{ all_except(['currency']) }},
        upper(currency) as currency,
        {{ join_reasons([
            'contract_faults',
            "case when rate = 0 then 'rate is 0' end",
        ]) }} as reject_reason

    from source

),

{{ ranked_versions('judged', key=['currency', 'rate_date']) }}

select
    currency,
    file,
    outcome,
    reject_reason,
    superseded_reason,
    kept_file,
    record_role,
    remark,
    raw_record,
    scan_position,
    cast(null as bigint) as line,
    rate as exchange_rate,
    coalesce(is_deleted, false) as is_deleted,
    rate_date,
    updated_at

from ranked
