with

runs as (

    select * from {{ ref('int_activities_merged_to_runs') }}
    where basis = 'any'

),

trials as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where is_trial

),

customers as (

    select * from {{ ref('int_customers_segmented') }}

),

-- The first run begins on the day of the first purchase, or on the first paying day.
beginnings as (

    select
        customer_id,
        started_on as began_on
    from runs

    union all

    select
        customer_id,
        {{ local_date('in_force_from') }} as began_on
    from trials

),

first_beginnings as (

    select
        customer_id,
        min(began_on) as began_on

    from beginnings
    group by customer_id

)

select
    customers.customer_id,
    customers.attribute_group,
    first_beginnings.began_on

from first_beginnings
inner join customers
    on first_beginnings.customer_id = customers.customer_id
