with

customers as (

    select * from {{ ref('dim_customers') }}

),

periods as (

    select * from {{ ref('int_periods_spined') }}

),

days as (

    select * from {{ ref('int_days_assigned_to_periods') }}

),

paying as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where is_paying

),

-- A running subscription has no change at its end: an end at as_of or later is not there yet.
changes as (

    select
        customer_id,
        pays_from as changed_at,
        mrr as change
    from paying

    union all

    select
        paying.customer_id,
        paying.pays_to as changed_at,
        -paying.mrr as change
    from paying
    cross join {{ ref('int_as_of') }} as as_of
    where paying.pays_to < as_of.as_of_at

),

-- A change counts at the next period end.
changes_of_periods as (

    select
        changes.customer_id,
        days.period_grain,
        days.period_number,
        sum(changes.change) as change

    from changes
    inner join days
        on {{ local_date('changes.changed_at') }} = days.date_day
    group by changes.customer_id, days.period_grain, days.period_number

),

-- A customer pays the sum of all changes so far.
with_mrr as (

    select
        *,
        sum(change) over (
            partition by customer_id, period_grain
            order by period_number
            rows between unbounded preceding and current row
        ) as mrr

    from changes_of_periods

),

-- The first paying day opens the cohort, also for a customer who is gone before the period's end.
with_opening as (

    select
        *,
        min(period_number) over (partition by customer_id, period_grain) as cohort_number,
        first_value(mrr) over (
            partition by customer_id, period_grain order by period_number
        ) as opening_mrr,
        lag(mrr, 1, 0) over (
            partition by customer_id, period_grain order by period_number
        ) as previous_mrr

    from with_mrr

),

cohort_changes as (

    select
        {{ segment_columns() }},
        with_opening.period_grain,
        with_opening.cohort_number,
        with_opening.period_number,
        sum(case when period_number = cohort_number then 1 else 0 end) as cohort_customers,
        sum(
            case when mrr > 0 then 1 else 0 end - case when previous_mrr > 0 then 1 else 0 end
        ) as active_customers_change,
        sum(mrr - previous_mrr) as mrr_change,
        sum(least(mrr, opening_mrr) - least(previous_mrr, opening_mrr)) as kept_mrr_change

    from with_opening
    inner join customers
        on with_opening.customer_id = customers.customer_id
    group by {{ segment_sets(['period_grain', 'cohort_number', 'period_number']) }}

),

cohorts as (

    select
        segment_name,
        segment_value,
        period_grain,
        cohort_number,
        cohort_customers,
        mrr_change as opening_mrr

    from cohort_changes
    where period_number = cohort_number

),

-- Every period from the cohort's own to the running one, also the periods without a change.
cells as (

    select
        cohorts.segment_name,
        cohorts.segment_value,
        cohorts.period_grain,
        cohorts.cohort_number,
        cohorts.cohort_customers,
        cohorts.opening_mrr,
        periods.period_number,
        periods.period_start,
        periods.is_complete,
        sum(coalesce(cohort_changes.active_customers_change, 0)) over a_cohort as active_customers,
        sum(coalesce(cohort_changes.mrr_change, 0)) over a_cohort as mrr,
        sum(coalesce(cohort_changes.kept_mrr_change, 0)) over a_cohort as kept_mrr

    from cohorts
    inner join periods
        on
            cohorts.period_grain = periods.period_grain
            and cohorts.cohort_number <= periods.period_number
    left join cohort_changes
        on
            cohorts.segment_name = cohort_changes.segment_name
            and cohorts.segment_value = cohort_changes.segment_value
            and cohorts.period_grain = cohort_changes.period_grain
            and cohorts.cohort_number = cohort_changes.cohort_number
            and periods.period_number = cohort_changes.period_number
    window a_cohort as (
        partition by
            cohorts.segment_name,
            cohorts.segment_value,
            cohorts.period_grain,
            cohorts.cohort_number
        order by periods.period_number
        rows between unbounded preceding and current row
    )

)

select
    cells.segment_name,
    cells.segment_value,
    cells.period_grain,
    cohort_periods.period_start as cohort_start,
    cast(cells.period_number - cells.cohort_number as bigint) as periods_since,
    cells.period_start,
    cast(cells.cohort_customers as bigint) as cohort_customers,
    cast(cells.active_customers as bigint) as active_customers,
    {{ safe_divide('cells.active_customers', 'cells.cohort_customers') }} as retention_rate,
    {{ wilson_low('cells.active_customers', 'cells.cohort_customers') }} as retention_ci_low,
    {{ wilson_high('cells.active_customers', 'cells.cohort_customers') }} as retention_ci_high,
    cast(cells.opening_mrr as decimal(18, 2)) as opening_mrr,
    cast(cells.mrr as decimal(18, 2)) as mrr,
    {{ safe_divide('cells.mrr', 'cells.opening_mrr') }} as net_revenue_retention,
    {{ safe_divide('cells.kept_mrr', 'cells.opening_mrr') }} as gross_revenue_retention,
    cells.is_complete,
    coalesce(
        cohort_periods.period_start
        < cast(nullif('{{ var("subscriptions_observed_from") }}', '') as date),
        false
    ) as is_left_truncated

from cells
inner join periods as cohort_periods
    on
        cells.period_grain = cohort_periods.period_grain
        and cells.cohort_number = cohort_periods.period_number
