with

orders as (

    select * from {{ ref('stg_orders') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

assessed as (

    select
        orders.*,
        {{ local_date('orders.ordered_at') }} as order_date,
        case
            when orders.ordered_at >= as_of.as_of_at then 'after as_of'
            when orders.is_test then 'test'
            when orders.status in ('cancelled', 'canceled', 'void', 'voided', 'failed')
                then 'cancelled, void or failed'
            when orders.amount < 0 then 'negative amount'
            when orders.amount = 0 and not {{ var('free_orders_count') }} then 'zero amount'
        end as not_counted_reason

    from orders
    cross join as_of

)

select
    order_id,
    customer_id,
    subscription_id,
    status,
    channel,
    original_currency,
    not_counted_reason,
    original_amount,
    exchange_rate,
    amount,
    not_counted_reason is null as is_counted,
    ordered_at,
    order_date{{ pass_through('orders') }}

from assessed
