with

orders as (

    select * from {{ ref('int_orders_assessed') }}

),

refunds as (

    select * from {{ ref('int_refunds_assessed') }}

),

amounts as (

    select
        customer_id,
        order_date as activity_date,
        1 as orders,
        amount as order_amount,
        0 as refunded_amount

    from orders
    where is_counted and customer_id is not null

    union all

    select
        customer_id,
        refund_date as activity_date,
        0 as orders,
        0 as order_amount,
        amount as refunded_amount

    from refunds
    where is_counted and customer_id is not null

),

customer_days as (

    select
        customer_id,
        activity_date,
        cast(sum(orders) as bigint) as orders,
        cast(sum(order_amount) as decimal(18, 2)) as order_amount,
        cast(sum(refunded_amount) as decimal(18, 2)) as refunded_amount

    from amounts
    group by customer_id, activity_date

)

select
    customer_id,
    orders,
    order_amount,
    cast(order_amount - refunded_amount as decimal(18, 2)) as net_revenue,
    orders > 0 as is_purchase_day,
    activity_date,
    -- an order carries its customer until the midnight that opens this day
    case
        when orders > 0
            then cast({{ dbt.dateadd('day', var('order_lapse_days'), 'activity_date') }} as date)
    end as active_until

from customer_days
