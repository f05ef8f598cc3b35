{#- More names than this are probably no milestones, but texts of events with a number in each. -#}
{%- set most_names = 50 -%}

with

milestones as (

    select * from {{ ref('int_milestones_assessed') }}
    where is_counted

),

customers as (

    select * from {{ ref('int_customers_begun') }}

),

first_times as (

    select
        customer_id,
        milestone,
        min(reached_on) as reached_on

    from milestones
    group by customer_id, milestone

),

names as (

    select
        milestone,
        row_number() over (order by count(*) desc, milestone) as name_number

    from first_times
    -- a milestone of this name would be counted twice: it counts with all others
    where milestone <> 'any'
    group by milestone

),

with_any as (

    select
        first_times.customer_id,
        first_times.milestone,
        first_times.reached_on

    from first_times
    inner join names
        on first_times.milestone = names.milestone
    where names.name_number <= {{ most_names }}

    union all

    select
        customer_id,
        'any' as milestone,
        min(reached_on) as reached_on

    from first_times
    group by customer_id

)

select
    customers.customer_id,
    customers.attribute_group,
    with_any.milestone,
    customers.began_on,
    with_any.reached_on,
    -- what was reached before the beginning was there on its day
    greatest({{ dbt.datediff('customers.began_on', 'with_any.reached_on', 'day') }}, 0)
        as days_to_milestone

from with_any
inner join customers
    on with_any.customer_id = customers.customer_id
