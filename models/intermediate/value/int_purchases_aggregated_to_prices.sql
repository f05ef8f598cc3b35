with

as_of as (

    select * from {{ ref('int_as_of') }}

),

orders as (

    select * from {{ ref('int_orders_assessed') }}
    where is_counted and customer_id is not null and subscription_id is null

),

refunds as (

    select * from {{ ref('int_refunds_assessed') }}
    where is_counted and customer_id is not null and is_of_purchase

),

-- The day before which each training data ends.
training_ends as (

    select
        'all_data' as trained_on,
        as_of as end_date
    from as_of

    union all

    select
        'calibration' as trained_on,
        {{ dbt.dateadd('day', '-' ~ var('clv_holdout_days'), 'as_of') }} as end_date
    from as_of

),

order_totals as (

    select
        training_ends.trained_on,
        count(*) as orders,
        sum(orders.amount) as amount,
        min(orders.amount) as lowest_price,
        max(orders.amount) as highest_price

    from orders
    inner join training_ends
        on orders.order_date < training_ends.end_date
    group by training_ends.trained_on

),

refund_totals as (

    select
        training_ends.trained_on,
        sum(refunds.amount) as amount

    from refunds
    inner join training_ends
        on refunds.refund_date < training_ends.end_date
    group by training_ends.trained_on

)

select
    order_totals.trained_on,
    cast(order_totals.orders as bigint) as orders,
    cast(order_totals.amount - coalesce(refund_totals.amount, 0) as decimal(18, 2)) as net_revenue,
    order_totals.lowest_price,
    order_totals.highest_price

from order_totals
left join refund_totals
    on order_totals.trained_on = refund_totals.trained_on
