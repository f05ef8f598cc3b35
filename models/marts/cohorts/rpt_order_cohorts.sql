with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customer_days as (

    select * from {{ ref('int_customer_days_sequenced') }}

),

customers as (

    select * from {{ ref('int_customers_segmented') }}

),

attribute_groups as (

    select distinct customers.attribute_group{{ segment_attributes('customers') }}
    from customers

),

periods_of_days as (

    select * from {{ ref('int_days_assigned_to_periods') }}

),

periods as (

    select * from {{ ref('int_periods_spined') }}

),

-- A customer who is active in a period is counted once, on the first purchase day in it. One number
-- stands for the attributes here, since texts are slow keys (decision 0007).
group_activity as (

    select
        customers.attribute_group,
        periods.period_grain,
        cohorts.period_number as cohort_number,
        periods.period_number,
        sum(
            case
                when
                    not customer_days.is_purchase_day
                    or customer_days.previous_purchase_date >= periods.period_start
                    then 0
                else 1
            end
        ) as active_customers,
        sum(
            case
                when
                    customer_days.is_purchase_day
                    and customer_days.activity_date = customer_days.last_purchase_date
                    then 1
                else 0
            end
        ) as last_active_customers,
        sum(customer_days.orders) as orders,
        sum(customer_days.net_revenue) as net_revenue

    from customer_days
    inner join customers
        on customer_days.customer_id = customers.customer_id
    inner join periods_of_days as periods
        on customer_days.activity_date = periods.date_day
    inner join periods_of_days as cohorts
        on
            customer_days.first_purchase_date = cohorts.date_day
            and periods.period_grain = cohorts.period_grain
    -- a renewal or credit note before the first purchase is no revenue of the cohort
    where customer_days.activity_date >= customer_days.first_purchase_date
    group by
        customers.attribute_group,
        periods.period_grain,
        cohorts.period_number,
        periods.period_number

),

activity as (

    select
        {{ segment_columns() }},
        period_grain,
        cohort_number,
        period_number,
        sum(active_customers) as active_customers,
        sum(last_active_customers) as last_active_customers,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue

    from group_activity
    inner join attribute_groups
        on group_activity.attribute_group = attribute_groups.attribute_group
    group by {{ segment_sets(['period_grain', 'cohort_number', 'period_number']) }}

),

cohorts as (

    select
        activity.segment_name,
        activity.segment_value,
        activity.period_grain,
        activity.cohort_number,
        periods.period_start as cohort_start,
        activity.active_customers as cohort_customers

    from activity
    inner join periods
        on
            activity.period_grain = periods.period_grain
            and activity.cohort_number = periods.period_number
    where activity.period_number = activity.cohort_number

),

-- Every period from the cohort's own to the one that is running, zeros included.
every_cell as (

    select
        cohorts.segment_name,
        cohorts.segment_value,
        cohorts.period_grain,
        cohorts.cohort_start,
        cohorts.cohort_customers,
        periods.period_number - cohorts.cohort_number as periods_since,
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
            cohorts.segment_name = activity.segment_name
            and cohorts.segment_value = activity.segment_value
            and cohorts.period_grain = activity.period_grain
            and cohorts.cohort_number = activity.cohort_number
            and periods.period_number = activity.period_number

),

cells as (

    select
        *,
        -- active in this period or later: the last active period is still to come
        sum(last_active_customers) over (
            partition by segment_name, segment_value, period_grain, cohort_start
            order by periods_since
            rows between current row and unbounded following
        ) as rolling_active_customers,
        sum(net_revenue) over (
            partition by segment_name, segment_value, period_grain, cohort_start
            order by periods_since
            rows between unbounded preceding and current row
        ) as cumulative_net_revenue

    from every_cell

)

select
    cells.segment_name,
    cells.segment_value,
    cells.period_grain,
    cells.cohort_start,
    cast(cells.periods_since as bigint) as periods_since,
    cells.period_start,
    cast(cells.cohort_customers as bigint) as cohort_customers,
    cast(cells.active_customers as bigint) as active_customers,
    {{ safe_divide('cells.active_customers', 'cells.cohort_customers') }} as retention_rate,
    {{ wilson_low('cells.active_customers', 'cells.cohort_customers') }} as retention_ci_low,
    {{ wilson_high('cells.active_customers', 'cells.cohort_customers') }} as retention_ci_high,
    cast(cells.rolling_active_customers as bigint) as rolling_active_customers,
    {{ safe_divide('cells.rolling_active_customers', 'cells.cohort_customers') }}
        as rolling_retention_rate,
    {{ wilson_low('cells.rolling_active_customers', 'cells.cohort_customers') }}
        as rolling_retention_ci_low,
    {{ wilson_high('cells.rolling_active_customers', 'cells.cohort_customers') }}
        as rolling_retention_ci_high,
    cast(cells.orders as bigint) as orders,
    cast(cells.net_revenue as decimal(18, 2)) as net_revenue,
    cast(cells.cumulative_net_revenue as decimal(18, 2)) as cumulative_net_revenue,
    cells.is_complete,
    {{ dbt.dateadd('day', var('order_lapse_days'), 'cells.period_end') }} <= as_of.as_of
        as is_rolling_complete

from cells
cross join as_of
