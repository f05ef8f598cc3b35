with

periods as (

    select * from {{ ref('int_periods_spined') }}

)

select
    period_number as month_number,
    is_complete,
    period_start as month,
    state_date,
    lag(state_at) over (order by period_number) as opened_at,
    state_at

from periods
where period_grain = 'month'
