{#- The cohorts of each grain, and that of all time, hold all orders. A grain that the report lacks holds none. -#}
with

grains as (

    select distinct period_grain from {{ ref('int_periods_spined') }}

    union all

    select 'all' as period_grain

),

orders as (

    select
        count(distinct customer_id) as customers,
        count(*) as orders
    from {{ ref('fct_orders') }}
    where customer_id is not null and subscription_id is null

),

repeat_buyers as (

    select count(*) as customers
    from {{ ref('fct_customer_value') }}
    where frequency > 0

),

cohorts as (

    select
        segment_name,
        period_grain,
        sum(customers) as customers,
        sum(repeat_customers) as repeat_customers,
        sum(purchase_frequency * customers) as orders
    from {{ ref('rpt_repeat_purchase') }}
    group by segment_name, period_grain

)

select
    grains.period_grain,
    cohorts.segment_name,
    cohorts.customers,
    cohorts.repeat_customers,
    cohorts.orders

from grains
cross join orders
cross join repeat_buyers
left join cohorts
    on grains.period_grain = cohorts.period_grain
where
    coalesce(cohorts.customers, 0) <> orders.customers
    or coalesce(cohorts.repeat_customers, 0) <> repeat_buyers.customers
    or abs(coalesce(cohorts.orders, 0) - orders.orders) > 0.001
