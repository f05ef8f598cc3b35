-- What an expert would write by hand for the triangles of rpt_order_cohorts: four grains, the total
-- only, active customers, orders and revenue, from one scan of the counted orders of customers.
-- No zero cells, no rolling retention, no segments, no intervals.
with

orders as materialized (

    select
        customer_id,
        order_date,
        amount,
        min(order_date) over (partition by customer_id) as first_order_date
    from warehouse.intermediate.int_orders_assessed
    where is_counted and customer_id is not null

),

customer_periods as (

    select
        grains.grain,
        date_trunc(grains.grain, orders.first_order_date) as cohort_start,
        date_trunc(grains.grain, orders.order_date) as period_start,
        orders.customer_id,
        count(*) as orders,
        sum(orders.amount) as revenue
    from orders
    cross join (values ('week'), ('month'), ('quarter'), ('year')) as grains (grain)
    group by all

)

select
    grain,
    cohort_start,
    period_start,
    count(*) as active_customers,
    sum(orders) as orders,
    sum(revenue) as revenue
from customer_periods
group by all
