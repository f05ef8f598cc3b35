with

cells as (

    select
        *,
        lead(rolling_active_customers) over (
            partition by segment_name, segment_value, period_grain, cohort_start
            order by periods_since
        ) as next_rolling_active_customers

    from {{ ref('rpt_order_cohorts') }}

),

bad_cells as (

    select
        segment_name,
        segment_value,
        period_grain,
        cohort_start,
        'a cell is out of bounds' as problem

    from cells
    where
        active_customers > rolling_active_customers
        or rolling_active_customers > cohort_customers
        or next_rolling_active_customers > rolling_active_customers

),

last_periods as (

    select
        period_grain,
        max(period_start) as last_period_start
    from {{ ref('int_periods_spined') }}
    group by period_grain

),

bad_cohorts as (

    select
        cells.segment_name,
        cells.segment_value,
        cells.period_grain,
        cells.cohort_start,
        'a cohort has holes or does not reach the running period' as problem

    from cells
    inner join last_periods
        on cells.period_grain = last_periods.period_grain
    group by
        cells.segment_name,
        cells.segment_value,
        cells.period_grain,
        cells.cohort_start,
        last_periods.last_period_start
    having
        min(cells.periods_since) <> 0
        or count(*) <> max(cells.periods_since) + 1
        or max(cells.period_start) <> last_periods.last_period_start

)

select * from bad_cells

union all

select * from bad_cohorts
