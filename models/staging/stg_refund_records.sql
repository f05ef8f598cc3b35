with

source as (

    select * from {{ read_raw(source('raw', 'refunds')) }}

),

-- A refund is converted at the rate of its order, or of its order's day if it has another currency.
-- Without an order, at the rate of its own day.
dated as (

    select
        source.*,
        orders.original_currency as order_currency,
        orders.exchange_rate as order_exchange_rate,
        {{ local_date('coalesce(orders.ordered_at, source.refunded_at)') }} as rate_date

    from source
    left join {{ ref('stg_orders') }} as orders
        on source.order_id = orders.order_id

),

{{ priced_records('dated', 'dated.rate_date') }},

with_order_rate as (

    select
        *,
        case when original_currency = order_currency then order_exchange_rate end as order_rate

    from priced

),

judged as (

    select
        *,
        coalesce(order_rate, exchange_rate) as refund_rate,
        {{ join_reasons([
            'contract_faults',
            'case when order_rate is null then price_fault end',
            "case when amount < 0 then 'amount is negative' end",
        ]) }} as reject_reason

    from with_order_rate

),

{{ ranked_versions('judged', key=['refund_id'], version='updated_at') }}

select
    refund_id,
    order_id,
    customer_id,
    lower(status) as status,
    original_currency,
    file,
    outcome,
    reject_reason,
    raw_record,
    scan_position,
    cast(null as bigint) as line,
    amount as original_amount,
    refund_rate as exchange_rate,
    {{ converted('amount', 'refund_rate') }} as amount,
    coalesce(is_test, false) as is_test,
    coalesce(is_deleted, false) as is_deleted,
    refunded_at,
    updated_at

from ranked
