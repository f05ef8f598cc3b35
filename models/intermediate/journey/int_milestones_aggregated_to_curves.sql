with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customers as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'began_on') }} as date) as cohort_start
    from {{ ref('int_customers_begun') }}

),

attributes as (

    select distinct customers.attribute_group{{ segment_attributes('customers') }}
    from {{ ref('int_customers_segmented') }} as customers

),

milestones as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'began_on') }} as date) as cohort_start
    from {{ ref('int_milestones_aggregated_to_customers') }}

),

names as (

    select distinct milestone from milestones

),

-- All who began on one day have been watched for the same number of days.
beginners as (

    select
        {{ segment_columns() }},
        customers.cohort_start,
        customers.began_on,
        count(*) as customers

    from customers
    inner join attributes
        on customers.attribute_group = attributes.attribute_group
    group by {{ segment_sets(['cohort_start', 'began_on']) }}

),

-- A customer who reaches the milestone is not censored on the last day, as all others are.
reached as (

    select
        attribute_group,
        cohort_start,
        milestone,
        days_to_milestone as duration,
        1 as events,
        0 as censored
    from milestones

    union all

    select
        milestones.attribute_group,
        milestones.cohort_start,
        milestones.milestone,
        {{ dbt.datediff('milestones.began_on', 'as_of.last_day', 'day') }} as duration,
        0 as events,
        -1 as censored
    from milestones
    cross join as_of

),

changes as (

    select
        {{ segment_columns() }},
        reached.cohort_start,
        reached.milestone,
        reached.duration,
        0 as entered,
        sum(reached.events) as events,
        sum(reached.censored) as censored

    from reached
    inner join attributes
        on reached.attribute_group = attributes.attribute_group
    group by {{ segment_sets(['cohort_start', 'milestone', 'duration']) }}

    union all

    select
        beginners.segment_name,
        beginners.segment_value,
        beginners.cohort_start,
        names.milestone,
        {{ dbt.datediff('beginners.began_on', 'as_of.last_day', 'day') }} as duration,
        beginners.customers as entered,
        0 as events,
        beginners.customers as censored

    from beginners
    cross join as_of
    cross join names

),

monthly as (

    select
        segment_name,
        segment_value,
        cohort_start,
        milestone,
        duration,
        cast(sum(entered) as bigint) as entered,
        cast(sum(events) as bigint) as events,
        cast(sum(censored) as bigint) as censored

    from changes
    group by segment_name, segment_value, cohort_start, milestone, duration

)

select
    segment_name,
    segment_value,
    'month' as period_grain,
    cohort_start,
    milestone,
    duration,
    entered,
    events,
    censored

from monthly

union all

select
    segment_name,
    segment_value,
    'all' as period_grain,
    cast(null as date) as cohort_start,
    milestone,
    duration,
    cast(sum(entered) as bigint) as entered,
    cast(sum(events) as bigint) as events,
    cast(sum(censored) as bigint) as censored

from monthly
group by segment_name, segment_value, milestone, duration
