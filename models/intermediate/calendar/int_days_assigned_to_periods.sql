with

days as (

    select * from {{ ref('int_days_spined') }}

),

periods as (

    select * from {{ ref('int_periods_spined') }}

)

select
    days.date_day,
    periods.period_grain,
    periods.period_number,
    periods.is_complete,
    periods.period_start,
    periods.period_end,
    periods.state_date

from days
inner join periods
    on
        days.date_day >= periods.period_start
        and days.date_day < periods.period_end
