{#- The customer's runs of activity, the running month of the customer months, and dim_customers. -#}
with

customers as (

    select * from {{ ref('dim_customers') }}

),

open_runs as (

    select
        customer_id,
        max(case when basis = 'orders' then 1 else 0 end) = 1 as is_active_orders,
        max(case when basis = 'subscriptions' then 1 else 0 end) = 1 as is_active_subscriptions

    from {{ ref('int_activities_merged_to_runs') }}
    where ended_on is null
    group by customer_id

),

last_month as (

    select max(month) as month from {{ ref('int_months_spined') }}

),

running_month as (

    select customer_months.*

    from {{ ref('fct_customer_months') }} as customer_months
    inner join last_month
        on customer_months.month = last_month.month

)

select
    customers.customer_id,
    customers.status,
    customers.is_active_orders,
    customers.is_active_subscriptions,
    open_runs.is_active_orders as has_open_run_of_orders,
    open_runs.is_active_subscriptions as has_open_run_of_subscriptions

from customers
left join open_runs
    on customers.customer_id = open_runs.customer_id
left join running_month
    on customers.customer_id = running_month.customer_id
where
    customers.status <> case
        when customers.acquired_on is null then 'prospect'
        when customers.is_active_orders or customers.is_active_subscriptions then 'active'
        else 'lost'
    end
    or customers.is_active_orders <> coalesce(open_runs.is_active_orders, false)
    or customers.is_active_subscriptions <> coalesce(open_runs.is_active_subscriptions, false)
    -- A customer without a row in the running month has nothing to compare.
    or customers.is_active_orders <> running_month.is_active_orders
    or customers.is_active_subscriptions <> running_month.is_active_subscriptions
