with

source as (

    select * from {{ cast_records(source('raw', 'carts')) }}

),

{{ priced_records('source', local_date('source.created_at')) }},

judged as (

    select
        *,
        {{ join_reasons([
            'contract_faults',
            'price_fault',
            "case when amount < 0 then 'amount is negative' end",
        ]) }} as reject_reason

    from priced

),

{{ ranked_versions('judged', key=['cart_id']) }}

select
    cart_id,
    customer_id,
    order_id,
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
    created_at,
    updated_at

from ranked
