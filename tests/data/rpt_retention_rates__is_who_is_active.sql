{#- Counts the runs that started before a boundary, less the runs that ended before it. No run is cut into periods. -#}
{%- set runs = ref('int_activities_merged_to_runs') -%}
{%- if var('merges_apply') == 'from_the_merge_on' -%}{%- set runs = ref('int_runs_dated') -%}{%- endif %}
with

periods as (

    select * from {{ ref('int_periods_spined') }}

),

runs as (

    select * from {{ runs }}

),

changes as (

    select
        basis,
        started_on as changed_on,
        count(*) as change
    from runs
    group by basis, started_on

    union all

    select
        basis,
        ended_on as changed_on,
        -count(*) as change
    from runs
    where ended_on is not null
    group by basis, ended_on

),

active as (

    select
        changes.basis,
        periods.period_grain,
        periods.period_start,
        sum(case when changes.changed_on < periods.period_start then changes.change else 0 end)
            as at_start,
        sum(case when changes.changed_on < periods.state_date then changes.change else 0 end)
            as at_end

    from changes
    cross join periods
    group by changes.basis, periods.period_grain, periods.period_start

)

select
    rates.basis,
    rates.period_grain,
    rates.period_start,
    rates.customers_at_start,
    active.at_start,
    rates.customers_at_end,
    active.at_end

from {{ ref('rpt_retention_rates') }} as rates
left join active
    on
        rates.basis = active.basis
        and rates.period_grain = active.period_grain
        and rates.period_start = active.period_start
where
    rates.segment_name = 'all'
    and (
        active.basis is null
        or rates.customers_at_start <> active.at_start
        or rates.customers_at_end <> active.at_end
    )
