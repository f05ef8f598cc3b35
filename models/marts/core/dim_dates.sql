with

periods_of_days as (

    select * from {{ ref('int_days_assigned_to_periods') }}

),

days as (

    select
        date_day,
        max(case when period_grain = 'week' then period_start end) as week_start,
        max(case when period_grain = 'month' then period_start end) as month_start,
        max(case when period_grain = 'quarter' then period_start end) as quarter_start,
        max(case when period_grain = 'year' then period_start end) as year_start,
        max(case when period_grain = 'week' and is_complete then 1 else 0 end) = 1
            as is_week_complete,
        max(case when period_grain = 'month' and is_complete then 1 else 0 end) = 1
            as is_month_complete,
        max(case when period_grain = 'quarter' and is_complete then 1 else 0 end) = 1
            as is_quarter_complete,
        max(case when period_grain = 'year' and is_complete then 1 else 0 end) = 1
            as is_year_complete

    from periods_of_days
    group by date_day

)

select
    date_day,
    week_start,
    month_start,
    quarter_start,
    year_start,
    cast({{ dbt.datediff('week_start', 'date_day', 'day') }} + 1 as bigint) as day_of_week,
    is_week_complete,
    is_month_complete,
    is_quarter_complete,
    is_year_complete

from days
