with

source as (

    select * from {{ cast_records(source('raw', 'orders')) }}

),

{{ priced_records('source', local_date('source.ordered_at'), is_settled=true) }},

judged as (

    select
        *,
        {{ join_reasons([
            'contract_faults',
            'price_fault',
            "case when discount_amount < 0 then 'discount_amount is negative' end",
        ]) }} as reject_reason

    from priced

),

{{ ranked_versions('judged', key=['order_id']) }}

select
    order_id,
    customer_id,
    subscription_id,
    lower(status) as status,
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
    {{ converted('discount_amount', 'exchange_rate') }} as discount_amount,
    {{ converted('tax_amount', 'exchange_rate') }} as tax_amount,
    {{ converted('shipping_amount', 'exchange_rate') }} as shipping_amount,
    coalesce(is_test, false) as is_test,
    coalesce(is_deleted, false) as is_deleted,
    ordered_at,
    updated_at{{ pass_through('orders') }}

from ranked
