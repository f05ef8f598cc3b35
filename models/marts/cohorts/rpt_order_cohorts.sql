with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

periods as (

    select * from {{ ref('int_periods_spined') }}

),

customer_periods as (

    select
        periods.period_grain,
        periods.period_number,
        customer_days.customer_id,
        sum(customer_days.orders) as orders,
        sum(customer_days.net_revenue) as net_revenue

    from customer_days
    inner join periods
        on
            customer_days.activity_date >= periods.period_start
            and customer_days.activity_date < periods.period_end
    group by periods.period_grain, periods.period_number, customer_days.customer_id

),

with_cohort as (

    select
        *,
        min(case when orders > 0 then period_number end) over a_customer as cohort_number,
        max(case when orders > 0 then period_number end) over a_customer as last_active_number

    from customer_periods
    window a_customer as (partition by period_grain, customer_id)

),

activity as (

    select
        period_grain,
        cohort_number,
        period_number,
        sum(case when orders > 0 then 1 else 0 end) as active_customers,
        sum(case when period_number = last_active_number then 1 else 0 end)
            as last_active_customers,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue

    from with_cohort
    group by period_grain, cohort_number, period_number

),

cohorts as (

    select
        period_grain,
        cohort_number,
        active_customers as cohort_customers

    from activity
    where period_number = cohort_number

),

-- every period from the cohort's own to the one that is running, zeros included
every_cell as (

    select
        cohorts.period_grain,
        cohorts.cohort_number,
        cohorts.cohort_customers,
        periods.period_number,
        periods.period_start,
        periods.period_end,
        periods.is_complete,
        coalesce(activity.active_customers, 0) as active_customers,
        coalesce(activity.last_active_customers, 0) as last_active_customers,
        coalesce(activity.orders, 0) as orders,
        coalesce(activity.net_revenue, 0) as net_revenue

    from cohorts
    inner join periods
        on
            cohorts.period_grain = periods.period_grain
            and cohorts.cohort_number <= periods.period_number
    left join activity
        on
            cohorts.period_grain = activity.period_grain
            and cohorts.cohort_number = activity.cohort_number
            and periods.period_number = activity.period_number

),

cells as (

    select
        *,
        -- active now or later: those whose last active period is still to come
        sum(last_active_customers) over (
            partition by period_grain, cohort_number
            order by period_number
            rows between current row and unbounded following
        ) as rolling_active_customers,
        sum(net_revenue) over (
            partition by period_grain, cohort_number
            order by period_number
            rows between unbounded preceding and current row
        ) as cumulative_net_revenue

    from every_cell

)

select
    'all' as segment_name,
    'all' as segment_value,
    cells.period_grain,
    cohort_periods.period_start as cohort_start,
    cast(cells.period_number - cells.cohort_number as bigint) as periods_since,
    cells.period_start,
    cast(cells.cohort_customers as bigint) as cohort_customers,
    cast(cells.active_customers as bigint) as active_customers,
    {{ safe_divide('cells.active_customers', 'cells.cohort_customers') }}
        as retention_rate,
    {{ wilson_low('cells.active_customers', 'cells.cohort_customers') }}
        as retention_ci_low,
    {{ wilson_high('cells.active_customers', 'cells.cohort_customers') }}
        as retention_ci_high,
    cast(cells.rolling_active_customers as bigint) as rolling_active_customers,
    {{ safe_divide('cells.rolling_active_customers', 'cells.cohort_customers') }}
        as rolling_retention_rate,
    cast(cells.orders as bigint) as orders,
    cast(cells.net_revenue as decimal(18, 2)) as net_revenue,
    cast(cells.cumulative_net_revenue as decimal(18, 2)) as cumulative_net_revenue,
    cells.is_complete,
    {{ dbt.dateadd('day', var('order_lapse_days'), 'cells.period_end') }} <= as_of.as_of
        as is_rolling_complete

from cells
inner join periods as cohort_periods
    on
        cells.period_grain = cohort_periods.period_grain
        and cells.cohort_number = cohort_periods.period_number
cross join as_of
