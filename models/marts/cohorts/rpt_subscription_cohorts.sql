with

customers as (

    select * from {{ ref('dim_customers') }}

),

periods as (

    select * from {{ ref('int_periods_spined') }}

),

periods_of_days as (

    select
        days.date_day,
        periods.period_grain,
        periods.period_number

    from {{ ref('int_days_spined') }} as days
    inner join periods
        on
            days.date_day >= periods.period_start
            and days.date_day < periods.period_end

),

paying as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where is_paying

),

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

-- what a customer pays is the sum of the changes so far; a change counts at the next period end
changes_of_periods as (

    select
        changes.customer_id,
        periods_of_days.period_grain,
        periods_of_days.period_number,
        sum(changes.change) as change

    from changes
    inner join periods_of_days
        on {{ local_date('changes.changed_at') }} = periods_of_days.date_day
    group by changes.customer_id, periods_of_days.period_grain, periods_of_days.period_number

),

levels as (

    select
        *,
        sum(change) over (
            partition by customer_id, period_grain
            order by period_number
            rows between unbounded preceding and current row
        ) as mrr

    from changes_of_periods

),

-- the first paying day opens the cohort, also for those gone before the period's end
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

    from levels

),

deltas as (

    select
        {{ segment_columns() }},
        with_opening.period_grain,
        with_opening.cohort_number,
        with_opening.period_number,
        sum(case when with_opening.period_number = with_opening.cohort_number then 1 else 0 end)
            as cohort_customers,
        sum(
            case when with_opening.mrr > 0 then 1 else 0 end
            - case when with_opening.previous_mrr > 0 then 1 else 0 end
        ) as active_customers,
        sum(with_opening.mrr - with_opening.previous_mrr) as mrr,
        sum(
            least(with_opening.mrr, with_opening.opening_mrr)
            - least(with_opening.previous_mrr, with_opening.opening_mrr)
        ) as kept_mrr

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
        mrr as opening_mrr

    from deltas
    where period_number = cohort_number

),

-- every period from the cohort's own to the one that is running, also those without a change
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
        sum(coalesce(deltas.active_customers, 0)) over a_cohort as active_customers,
        sum(coalesce(deltas.mrr, 0)) over a_cohort as mrr,
        sum(coalesce(deltas.kept_mrr, 0)) over a_cohort as kept_mrr

    from cohorts
    inner join periods
        on
            cohorts.period_grain = periods.period_grain
            and cohorts.cohort_number <= periods.period_number
    left join deltas
        on
            cohorts.segment_name = deltas.segment_name
            and cohorts.segment_value = deltas.segment_value
            and cohorts.period_grain = deltas.period_grain
            and cohorts.cohort_number = deltas.cohort_number
            and periods.period_number = deltas.period_number
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
    cells.is_complete

from cells
inner join periods as cohort_periods
    on
        cells.period_grain = cohort_periods.period_grain
        and cells.cohort_number = cohort_periods.period_number
