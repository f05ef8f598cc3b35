with

source as (

    select * from {{ cast_records(source('raw', 'marketing_spend')) }}

),

{{ priced_records('source', 'source.spend_date') }},

judged as (

    select
        *,
        {{ join_reasons(['contract_faults', 'price_fault']) }} as reject_reason

    from priced

),

{{ ranked_versions('judged', key=['spend_date', 'channel']) }}

select
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
    amount as original_amount,
    exchange_rate,
    {{ converted('amount', 'exchange_rate') }} as amount,
    coalesce(is_deleted, false) as is_deleted,
    spend_date,
    updated_at

from ranked
