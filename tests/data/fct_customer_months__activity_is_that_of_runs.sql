{#- Runs never touch, so at most one run of a basis holds the state of a month. -#}
with

customer_months as (

    select
        customer_months.customer_id,
        customer_months.month,
        customer_months.is_active_orders,
        customer_months.is_active_subscriptions,
        months.state_date

    from {{ ref('fct_customer_months') }} as customer_months
    inner join {{ ref('int_months_spined') }} as months
        on customer_months.month = months.month

),

runs as (

    select * from {{ ref('int_activities_merged_to_runs') }}
    where basis <> 'any'

),

active_months as (

    select
        runs.basis,
        customer_months.customer_id,
        customer_months.month

    from customer_months
    inner join runs
        on
            customer_months.customer_id = runs.customer_id
            and customer_months.state_date > runs.started_on
            and (runs.ended_on is null or customer_months.state_date <= runs.ended_on)

)

select
    customer_months.customer_id,
    customer_months.month,
    customer_months.is_active_orders,
    customer_months.is_active_subscriptions

from customer_months
left join active_months as orders
    on
        customer_months.customer_id = orders.customer_id
        and customer_months.month = orders.month
        and orders.basis = 'orders'
left join active_months as subscriptions
    on
        customer_months.customer_id = subscriptions.customer_id
        and customer_months.month = subscriptions.month
        and subscriptions.basis = 'subscriptions'
where
    customer_months.is_active_orders <> (orders.customer_id is not null)
    or customer_months.is_active_subscriptions <> (subscriptions.customer_id is not null)
