with

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
    cohorts.segment_name,
    cohorts.period_grain,
    cohorts.customers,
    cohorts.repeat_customers,
    cohorts.orders

from cohorts
cross join orders
cross join repeat_buyers
where
    cohorts.customers <> orders.customers
    or cohorts.repeat_customers <> repeat_buyers.customers
    or abs(cohorts.orders - orders.orders) > 0.001
