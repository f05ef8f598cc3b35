with

periods_of_days as (

    select * from {{ ref('int_days_assigned_to_periods') }}

),

-- One column for each grain.
days as (

    select
        date_day,
        max(case when period_grain = 'week' then period_start end) as week_start,
        max(case when period_grain = 'month' then period_start end) as month_start,
        max(case when period_grain = 'quarter' then period_start end) as quarter_start,
        max(case when period_grain = 'year' then period_start end) as year_start

    from periods_of_days
    group by date_day

)

select
    date_day,
    week_start,
    month_start,
    quarter_start,
    year_start,
    cast({{ dbt.datediff('week_start', 'date_day', 'day') }} + 1 as bigint) as day_of_week

from days
