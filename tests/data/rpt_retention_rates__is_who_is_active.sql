with

months as (

    select
        periods.period_start,
        least(periods.period_end, as_of.as_of) as state_date

    from {{ ref('int_periods_spined') }} as periods
    cross join {{ ref('int_as_of') }} as as_of
    where periods.period_grain = 'month'

),

active as (

    select
        runs.basis,
        months.period_start,
        count(*) as customers

    from {{ ref('int_activities_merged_to_runs') }} as runs
    inner join months
        on
            runs.started_on < months.state_date
            and (runs.ended_on is null or runs.ended_on >= months.state_date)
    group by runs.basis, months.period_start

)

select
    rates.basis,
    rates.period_start,
    rates.customers_at_end,
    active.customers

from {{ ref('rpt_retention_rates') }} as rates
left join active
    on
        rates.basis = active.basis
        and rates.period_start = active.period_start
where
    rates.segment_name = 'all'
    and rates.period_grain = 'month'
    and rates.customers_at_end <> coalesce(active.customers, 0)
