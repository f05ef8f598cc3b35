with

counted as (

    select distinct customer_id
    from {{ ref('int_subscription_versions_assessed') }}
    where not_counted_reason is null

),

reported as (

    select customer_id from {{ ref('fct_subscription_spells') }}

    union distinct

    select customer_id from {{ ref('int_subscription_versions_priced') }}
    where is_trial

)

select
    counted.customer_id as counted_customer_id,
    reported.customer_id as reported_customer_id

from counted
full outer join reported
    on counted.customer_id = reported.customer_id
where counted.customer_id is null or reported.customer_id is null
