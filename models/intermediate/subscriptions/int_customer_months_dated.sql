{{ config(enabled=var('merges_apply') == 'from_the_merge_on') }}
with

customer_months as (

    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}

),

months as (

    select * from {{ ref('int_months_spined') }}

),

dated_customers as (

    select * from {{ ref('int_customers_traced') }}
    where is_same

)

select
    customer_months.*,
    coalesce(dated_customers.customer_then_id, customer_months.customer_id) as customer_then_id,
    coalesce(dated_customers.customer_id, customer_months.customer_id) as customer_of_today_id

from customer_months
inner join months
    on customer_months.month = months.month
left join dated_customers
    on customer_months.customer_id = dated_customers.dated_customer_id
where
    coalesce(months.state_date > dated_customers.applies_from, true)
    and coalesce(months.state_date <= dated_customers.applies_until, true)
