with

source as (

    select * from {{ cast_records(source('raw', 'contacts')) }}

),

{{ priced_records('source', local_date('source.sent_at')) }},

judged as (

    select
        *,
        {{ join_reasons([
            'contract_faults',
            'price_fault',
            "case when cost < 0 then 'cost is negative' end",
        ]) }} as reject_reason

    from priced

),

{{ ranked_versions('judged', key=['contact_id']) }}

select
    contact_id,
    customer_id,
    play_id,
    step,
    channel,
    original_currency,
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
    cost as original_cost,
    exchange_rate,
    {{ converted('cost', 'exchange_rate') }} as cost,
    coalesce(is_deleted, false) as is_deleted,
    sent_at,
    updated_at

from ranked
