{#-
    Purchases are in a cohort of each grain. Money is, from the day of its customer's first purchase on. A grain that the report
    lacks holds nothing.
-#}
with

grains as (

    select distinct period_grain from {{ ref('int_periods_spined') }}

),

purchases as (

    select
        customer_id,
        count(*) as orders,
        min(order_date) as first_order_date
    from {{ ref('fct_orders') }}
    where customer_id is not null and subscription_id is null
    group by customer_id

),

-- Orders on their own day, refunds and credit notes on theirs.
amounts as (

    select
        customer_id,
        order_date as activity_date,
        amount
    from {{ ref('fct_orders') }}

    union all

    select
        customer_id,
        refund_date as activity_date,
        -amount as amount
    from {{ ref('int_refunds_assessed') }}
    where is_counted

),

revenue as (

    select coalesce(sum(amounts.amount), 0) as net_revenue

    from amounts
    inner join purchases
        on
            amounts.customer_id = purchases.customer_id
            and amounts.activity_date >= purchases.first_order_date

),

totals as (

    select
        coalesce(sum(orders), 0) as orders,
        count(*) as customers
    from purchases

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
    grains.period_grain,
    cohorts.segment_name,
    cohorts.orders,
    cohorts.net_revenue,
    cohorts.customers,
    totals.orders as expected_orders,
    revenue.net_revenue as expected_net_revenue,
    totals.customers as expected_customers

from grains
cross join totals
cross join revenue
left join cohorts
    on grains.period_grain = cohorts.period_grain
where
    coalesce(cohorts.orders, 0) <> totals.orders
    or coalesce(cohorts.net_revenue, 0) <> revenue.net_revenue
    or coalesce(cohorts.customers, 0) <> totals.customers
