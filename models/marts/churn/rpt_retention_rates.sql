with

changes as (

    select * from {{ ref('int_activity_runs_aggregated_to_period_changes') }}

),

periods as (

    select * from {{ ref('int_periods_spined') }}

),

period_changes as (

    select
        basis,
        {{ segment_columns() }},
        period_grain,
        period_number,
        sum(new_customers) as new_customers,
        sum(returning_customers) as returning_customers,
        sum(lost_customers) as lost_customers,
        sum(lost_newcomers) as lost_newcomers,
        sum(merged_customers) as merged_customers,
        sum(churn_events) as churn_events,
        sum(days_at_risk_by_changes) as days_at_risk_by_changes

    from changes
    group by {{ segment_sets(['basis', 'period_grain', 'period_number']) }}

),

segments as (

    select
        basis,
        segment_name,
        segment_value,
        period_grain,
        min(period_number) as first_period_number

    from period_changes
    group by basis, segment_name, segment_value, period_grain

),

first_orders as (

    select min(activity_date) as first_order_date
    from {{ ref('int_orders_aggregated_to_customer_days') }}
    where is_purchase_day

),

-- Every period since the segment's first customer, also those without a change. Old customers look new
-- before everyone had the time to order again, and ends before subscriptions_observed_from are unknown.
every_period as (

    select
        segments.basis,
        segments.segment_name,
        segments.segment_value,
        periods.period_grain,
        periods.period_number,
        periods.period_start,
        periods.state_date,
        periods.is_complete,
        coalesce(
            segments.basis <> 'subscriptions'
            and periods.period_start
            < {{ dbt.dateadd('day', var('order_lapse_days'), 'first_orders.first_order_date') }},
            false
        )
        or coalesce(
            segments.basis <> 'orders'
            and periods.period_start
            < cast(nullif('{{ var("subscriptions_observed_from") }}', '') as date),
            false
        ) as is_left_truncated,
        coalesce(period_changes.new_customers, 0) as new_customers,
        coalesce(period_changes.returning_customers, 0) as returning_customers,
        coalesce(period_changes.lost_customers, 0) as lost_customers,
        coalesce(period_changes.lost_newcomers, 0) as lost_newcomers,
        coalesce(period_changes.merged_customers, 0) as merged_customers,
        coalesce(period_changes.churn_events, 0) as churn_events,
        coalesce(period_changes.days_at_risk_by_changes, 0) as days_at_risk_by_changes

    from segments
    inner join periods
        on
            segments.period_grain = periods.period_grain
            and segments.first_period_number <= periods.period_number
    cross join first_orders
    left join period_changes
        on
            segments.basis = period_changes.basis
            and segments.segment_name = period_changes.segment_name
            and segments.segment_value = period_changes.segment_value
            and periods.period_grain = period_changes.period_grain
            and periods.period_number = period_changes.period_number

),

-- All customers who came, less all who left or were merged into others, from the first period on.
with_customers_at_end as (

    select
        *,
        sum(new_customers + returning_customers - lost_customers - merged_customers) over (
            partition by basis, segment_name, segment_value, period_grain
            order by period_number
            rows between unbounded preceding and current row
        ) as customers_at_end

    from every_period

),

with_customers_at_start as (

    select
        *,
        customers_at_end - new_customers - returning_customers as retained_customers,
        -- accounts that were merged in the period are one customer in its rates
        customers_at_end - new_customers - returning_customers + lost_customers as persons_at_start,
        customers_at_end - new_customers - returning_customers + lost_customers + merged_customers
            as customers_at_start

    from with_customers_at_end

),

with_days_at_risk as (

    select
        *,
        customers_at_start * {{ dbt.datediff('period_start', 'state_date', 'day') }}
        + days_at_risk_by_changes as customer_days_at_risk

    from with_customers_at_start

),

with_churn_probability as (

    select
        *,
        {{ safe_divide('churn_events', 'customer_days_at_risk') }} as daily_churn_probability,
        {{ wilson_low('churn_events', 'customer_days_at_risk') }} as daily_churn_ci_low,
        {{ wilson_high('churn_events', 'customer_days_at_risk') }} as daily_churn_ci_high

    from with_days_at_risk

),

-- A month has 30.4375 days on average.
with_monthly_equivalent as (

    select
        *,
        1 - power(1 - daily_churn_probability, 30.4375) as monthly_equivalent_churn_rate,
        1 - power(1 - daily_churn_ci_low, 30.4375) as monthly_equivalent_ci_low,
        1 - power(1 - daily_churn_ci_high, 30.4375) as monthly_equivalent_ci_high

    from with_churn_probability

),

targets as (

    select * from {{ ref('kpi_targets') }}
    where kpi = 'monthly_equivalent_churn_rate' and period_grain = 'month'

)

select
    rates.segment_name,
    rates.segment_value,
    rates.basis,
    rates.period_grain,
    rates.period_start,
    cast(rates.customers_at_start as bigint) as customers_at_start,
    cast(rates.new_customers as bigint) as new_customers,
    cast(rates.returning_customers as bigint) as returning_customers,
    cast(rates.lost_customers as bigint) as lost_customers,
    cast(rates.lost_newcomers as bigint) as lost_newcomers,
    cast(rates.merged_customers as bigint) as merged_customers,
    cast(rates.customers_at_end as bigint) as customers_at_end,
    {{ safe_divide('rates.retained_customers', 'rates.persons_at_start') }} as retention_rate,
    {{ wilson_low('rates.retained_customers', 'rates.persons_at_start') }} as retention_ci_low,
    {{ wilson_high('rates.retained_customers', 'rates.persons_at_start') }} as retention_ci_high,
    {{ safe_divide('rates.lost_customers', 'rates.persons_at_start') }} as churn_rate,
    {{ safe_divide('2 * rates.lost_customers', 'rates.persons_at_start + rates.customers_at_end') }}
        as churn_rate_average_base,
    {{ safe_divide(
        'rates.lost_customers + rates.lost_newcomers',
        'rates.customers_at_end + rates.lost_customers + rates.lost_newcomers'
    ) }} as churn_rate_everyone_served,
    cast(rates.churn_events as bigint) as churn_events,
    cast(rates.customer_days_at_risk as bigint) as customer_days_at_risk,
    rates.daily_churn_probability,
    rates.daily_churn_ci_low,
    rates.daily_churn_ci_high,
    rates.monthly_equivalent_churn_rate,
    rates.monthly_equivalent_ci_low,
    rates.monthly_equivalent_ci_high,
    case
        when rates.is_left_truncated then null
        when rates.monthly_equivalent_churn_rate < targets.watch then 'healthy'
        when rates.monthly_equivalent_churn_rate <= targets.target then 'watch'
        when rates.monthly_equivalent_churn_rate > targets.target then 'high'
    end as churn_band,
    rates.is_complete,
    rates.is_left_truncated

from with_monthly_equivalent as rates
left join targets
    on rates.basis = targets.basis
