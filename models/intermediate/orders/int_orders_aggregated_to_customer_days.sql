with

orders as (

    select * from {{ ref('int_orders_assessed') }}

),

refunds as (

    select * from {{ ref('int_refunds_assessed') }}

),

-- The renewal of a subscription is revenue, but no purchase. So is a refund of it, and a credit note.
amounts as (

    select
        customer_id,
        order_date as activity_date,
        case when subscription_id is null then 1 else 0 end as orders,
        case when subscription_id is null then amount else 0 end as order_amount,
        0 as refunded_purchases,
        amount as revenue

    from orders
    where is_counted and customer_id is not null

    union all

    select
        customer_id,
        refund_date as activity_date,
        0 as orders,
        0 as order_amount,
        case when is_of_purchase then amount else 0 end as refunded_purchases,
        -amount as revenue

    from refunds
    where is_counted and customer_id is not null

),

customer_days as (

    select
        customer_id,
        activity_date,
        cast(sum(orders) as bigint) as orders,
        cast(sum(order_amount) as decimal(18, 2)) as order_amount,
        cast(sum(refunded_purchases) as decimal(18, 2)) as refunded_purchases,
        cast(sum(revenue) as decimal(18, 2)) as net_revenue

    from amounts
    group by customer_id, activity_date

)

select
    customer_id,
    orders,
    order_amount,
    cast(order_amount - refunded_purchases as decimal(18, 2)) as purchase_revenue,
    net_revenue,
    orders > 0 as is_purchase_day,
    activity_date,
    -- an order carries its customer until the midnight that opens this day
    case
        when orders > 0
            then cast({{ dbt.dateadd('day', var('order_lapse_days'), 'activity_date') }} as date)
    end as active_until

from customer_days
