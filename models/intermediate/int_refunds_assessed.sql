with

refunds as (

    select * from {{ ref('stg_refunds') }}

),

orders as (

    select * from {{ ref('int_orders_assessed') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

assessed as (

    select
        refunds.refund_id,
        refunds.order_id,
        orders.customer_id,
        refunds.original_amount,
        refunds.amount,
        refunds.refunded_at,
        {{ local_date('refunds.refunded_at') }} as refund_date,
        case
            when refunds.refunded_at >= as_of.as_of_at then 'after as_of'
            when orders.order_id is null then 'order is unknown'
            when not orders.is_counted then 'order does not count'
        end as not_counted_reason

    from refunds
    cross join as_of
    left join orders
        on refunds.order_id = orders.order_id

)

select
    refund_id,
    order_id,
    customer_id,
    not_counted_reason,
    original_amount,
    amount,
    not_counted_reason is null as is_counted,
    refunded_at,
    refund_date

from assessed
