{%- set horizons = [90, 180] -%}
{%- set landmark_day = dbt.dateadd('day', var('landmark_days'), 'customers.began_on') -%}
{#- A run holds a day if it began by then and has not ended: it ends at the midnight that opens ended_on. -#}
{%- set is_held = 'runs.started_on <= DAY and coalesce(runs.ended_on > DAY, true)' -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Without milestones there is nobody to compare.
customers as (

    select * from {{ ref('int_customers_begun') }}
    where exists (select 1 from {{ ref('int_milestones_aggregated_to_customers') }})

),

attributes as (

    select distinct customers.attribute_group{{ segment_attributes('customers') }}
    from {{ ref('int_customers_segmented') }} as customers

),

milestones as (

    select * from {{ ref('int_milestones_aggregated_to_customers') }}

),

runs as (

    select * from {{ ref('int_activities_merged_to_runs') }}
    where basis = 'any'

),

-- Only who is still a customer on the landmark day is compared. Else those who stayed long would have
-- had more time to reach anything.
survivors as (

    select
        customers.customer_id,
        customers.attribute_group,
        customers.began_on
        {%- for days in horizons %}
        {%- set day = dbt.dateadd('day', days, 'customers.began_on') %},
        max(case when {{ is_held | replace('DAY', day) }} then 1 else 0 end)
            as is_retained_{{ days }}d
        {%- endfor %}

    from customers
    inner join runs
        on customers.customer_id = runs.customer_id
    group by customers.customer_id, customers.attribute_group, customers.began_on
    having max(case when {{ is_held | replace('DAY', landmark_day) }} then 1 else 0 end) = 1

),

watched as (
    {%- for days in horizons %}

    {{ 'union all' if not loop.first }}

    select
        survivors.customer_id,
        survivors.attribute_group,
        {{ days }} as horizon_days,
        survivors.is_retained_{{ days }}d as is_retained

    from survivors
    cross join as_of
    where {{ dbt.dateadd('day', days, 'survivors.began_on') }} <= as_of.last_day
    {%- endfor %}

),

totals as (

    select
        {{ segment_columns() }},
        watched.horizon_days,
        count(*) as customers,
        sum(watched.is_retained) as retained

    from watched
    inner join attributes
        on watched.attribute_group = attributes.attribute_group
    group by {{ segment_sets(['horizon_days']) }}

),

reached as (

    select
        {{ segment_columns() }},
        milestones.milestone,
        watched.horizon_days,
        count(*) as customers,
        sum(watched.is_retained) as retained

    from milestones
    inner join watched
        on milestones.customer_id = watched.customer_id
    inner join attributes
        on watched.attribute_group = attributes.attribute_group
    where milestones.days_to_milestone <= {{ var('landmark_days') }}
    group by {{ segment_sets(['milestone', 'horizon_days']) }}

),

names as (

    select distinct milestone from milestones

),

both_groups as (

    select
        totals.segment_name,
        totals.segment_value,
        names.milestone,
        totals.horizon_days,
        coalesce(reached.customers, 0) as reached_customers,
        coalesce(reached.retained, 0) as reached_retained,
        totals.customers - coalesce(reached.customers, 0) as other_customers,
        totals.retained - coalesce(reached.retained, 0) as other_retained

    from totals
    cross join names
    left join reached
        on
            totals.segment_name = reached.segment_name
            and totals.segment_value = reached.segment_value
            and totals.horizon_days = reached.horizon_days
            and names.milestone = reached.milestone

)

select
    segment_name,
    segment_value,
    milestone,
    cast({{ var('landmark_days') }} as bigint) as landmark_days,
    cast(horizon_days as bigint) as horizon_days,
    cast(reached_customers as bigint) as reached_customers,
    cast(reached_retained as bigint) as reached_retained_customers,
    {{ safe_divide('reached_retained', 'reached_customers') }} as reached_retention_rate,
    {{ wilson_low('reached_retained', 'reached_customers') }} as reached_retention_ci_low,
    {{ wilson_high('reached_retained', 'reached_customers') }} as reached_retention_ci_high,
    cast(other_customers as bigint) as other_customers,
    cast(other_retained as bigint) as other_retained_customers,
    {{ safe_divide('other_retained', 'other_customers') }} as other_retention_rate,
    {{ wilson_low('other_retained', 'other_customers') }} as other_retention_ci_low,
    {{ wilson_high('other_retained', 'other_customers') }} as other_retention_ci_high,
    {{ safe_divide('reached_retained', 'reached_customers') }}
    - {{ safe_divide('other_retained', 'other_customers') }} as retention_difference,
    {{ newcombe_low(
        'reached_retained', 'reached_customers', 'other_retained', 'other_customers'
    ) }} as difference_ci_low,
    {{ newcombe_high(
        'reached_retained', 'reached_customers', 'other_retained', 'other_customers'
    ) }} as difference_ci_high

from both_groups
