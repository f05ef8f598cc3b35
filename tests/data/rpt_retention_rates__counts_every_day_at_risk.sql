{#-
    A run is at risk from its first day to the day on which it ends, without going by periods. Each grain holds all runs of each
    basis.
-#}
{%- set runs = ref('int_activities_merged_to_runs') -%}
{%- if var('merges_apply') == 'from_the_merge_on' -%}{%- set runs = ref('int_runs_dated') -%}{%- endif %}
with

grains as (

    select distinct period_grain from {{ ref('int_periods_spined') }}

),

runs as (

    select
        runs.basis,
        sum(
            case
                when runs.ended_on is null
                    then {{ dbt.datediff('runs.started_on', 'as_of.as_of', 'day') }}
                {%- if var('merges_apply') == 'from_the_merge_on' %}
                when runs.is_cut then {{ dbt.datediff('runs.started_on', 'runs.ended_on', 'day') }}
                {%- endif %}
                else {{ dbt.datediff('runs.started_on', 'runs.ended_on', 'day') }} + 1
            end
        ) as days_at_risk,
        {%- if var('merges_apply') == 'from_the_merge_on' %}
        count(case when not runs.is_cut then runs.ended_on end) as ended_runs
        {%- else %}
        count(runs.ended_on) as ended_runs
        {%- endif %}

    from {{ runs }} as runs
    cross join {{ ref('int_as_of') }} as as_of
    group by runs.basis

),

rates as (

    select
        basis,
        period_grain,
        sum(customer_days_at_risk) as customer_days_at_risk,
        sum(churn_events) as churn_events

    from {{ ref('rpt_retention_rates') }}
    where segment_name = 'all'
    group by basis, period_grain

)

select
    runs.basis,
    grains.period_grain,
    runs.days_at_risk,
    rates.customer_days_at_risk,
    runs.ended_runs,
    rates.churn_events

from runs
cross join grains
left join rates
    on
        runs.basis = rates.basis
        and grains.period_grain = rates.period_grain
where
    rates.basis is null
    or rates.customer_days_at_risk <> runs.days_at_risk
    or rates.churn_events <> runs.ended_runs
