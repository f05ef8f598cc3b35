with

periods as (

    select * from {{ ref('int_periods_spined') }}

)

select
    period_number as month_number,
    is_complete,
    period_start as month,
    state_date,
    state_at

from periods
where period_grain = 'month'
