with

orders as (

    select
        count(*) as orders,
        coalesce(sum(net_amount), 0) as net_revenue,
        count(distinct customer_id) as customers
    from {{ ref('fct_orders') }}
    where customer_id is not null

),

cohorts as (

    select
        segment_name,
        period_grain,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue,
        sum(case when periods_since = 0 then cohort_customers else 0 end) as customers

    from {{ ref('rpt_order_cohorts') }}
    group by segment_name, period_grain

)

select
    cohorts.*,
    orders.orders as expected_orders,
    orders.net_revenue as expected_net_revenue,
    orders.customers as expected_customers

from cohorts
cross join orders
where
    cohorts.orders <> orders.orders
    or cohorts.net_revenue <> orders.net_revenue
    or cohorts.customers <> orders.customers
