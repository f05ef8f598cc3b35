{#- As many days in an active stage as in runs, per customer. The counts of each month end are another law. -#}
{%- set runs = ref('int_activities_merged_to_runs') -%}
{%- if var('merges_apply') == 'from_the_merge_on' -%}{%- set runs = ref('int_runs_dated') -%}{%- endif %}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

active_stages as (

    select distinct stage
    from {{ ref('journey_stages') }}
    where is_active

),

days as (

    select
        case when changes.side = 'overall' then 'any' else changes.side end as basis,
        changes.customer_id,
        {{ dbt.datediff(
            'changes.entered_on', 'coalesce(changes.left_on, as_of.as_of)', 'day'
        ) }} as days

    from {{ ref('fct_stage_changes') }} as changes
    cross join as_of
    inner join active_stages
        on changes.stage = active_stages.stage

    union all

    select
        runs.basis,
        runs.customer_id,
        -{{ dbt.datediff('runs.started_on', 'coalesce(runs.ended_on, as_of.as_of)', 'day') }}
            as days

    from {{ runs }} as runs
    cross join as_of

)

select
    basis,
    customer_id,
    sum(days) as days_too_many

from days
group by basis, customer_id
having sum(days) <> 0
