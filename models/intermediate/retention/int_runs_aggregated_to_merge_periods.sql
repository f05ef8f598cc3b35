{{ config(enabled=var('merges_apply') == 'from_the_merge_on') }}
with

customers as (

    select * from {{ ref('int_customers_traced') }}

),

periods as (

    select * from {{ ref('int_periods_spined') }}

),

runs as (

    select * from {{ ref('int_activities_merged_to_runs') }}

),

-- The period in which the merge falls that made the customer, and each of the customer's accounts in it:
-- as customers of their own before that day, as one customer from then on.
slices as (

    select
        customers.dated_customer_id,
        customers.customer_id,
        customers.earlier_customer_id,
        customers.is_same,
        periods.period_grain,
        periods.period_number,
        periods.period_start,
        periods.state_date,
        coalesce(customers.earlier_applies_from < periods.period_start, true)
        and coalesce(customers.earlier_applies_until >= periods.period_start, true)
            as is_of_period_start,
        greatest(
            periods.period_start, coalesce(customers.earlier_applies_from, periods.period_start)
        ) as slice_from,
        least(
            periods.state_date, coalesce(customers.earlier_applies_until, periods.state_date)
        ) as slice_to

    from customers
    inner join periods
        on
            customers.applies_from >= periods.period_start
            and customers.applies_from < periods.state_date
    where coalesce(customers.applies_until >= periods.state_date, true)

),

-- A run is at risk on each day, also on the day on which it is lost.
counted as (

    select
        slices.dated_customer_id,
        slices.customer_id,
        slices.period_grain,
        slices.period_number,
        slices.period_start,
        slices.state_date,
        runs.basis,
        sum(
            case
                when
                    slices.is_of_period_start
                    and runs.started_on < slices.period_start
                    and coalesce(runs.ended_on >= slices.period_start, true)
                    then 1
                else 0
            end
        ) as customers_at_start,
        max(
            case
                when
                    slices.is_same
                    and runs.started_on < slices.state_date
                    and coalesce(runs.ended_on >= slices.state_date, true)
                    then 1
                else 0
            end
        ) as at_end,
        max(case when slices.is_same and runs.started_on < slices.period_start then 1 else 0 end)
            as was_active_before,
        max(case when slices.is_same and runs.started_on >= slices.period_start then 1 else 0 end)
            as begins_in_period,
        sum(
            case
                when runs.ended_on >= slices.slice_from and runs.ended_on < slices.slice_to then 1
                else 0
            end
        ) as churn_events,
        sum(
            case
                when
                    slices.slice_from >= slices.slice_to
                    or runs.started_on >= slices.slice_to
                    or runs.ended_on < slices.slice_from
                    then 0
                when runs.ended_on < slices.slice_to
                    then
                        {{ dbt.datediff(
                            'greatest(runs.started_on, slices.slice_from)', 'runs.ended_on', 'day'
                        ) }} + 1
                else
                    {{ dbt.datediff(
                        'greatest(runs.started_on, slices.slice_from)', 'slices.slice_to', 'day'
                    ) }}
            end
        ) as days_at_risk

    from slices
    inner join runs
        on
            slices.earlier_customer_id = runs.customer_id
            and slices.state_date > runs.started_on
    group by
        slices.dated_customer_id,
        slices.customer_id,
        slices.period_grain,
        slices.period_number,
        slices.period_start,
        slices.state_date,
        runs.basis

)

select
    counted.basis,
    false as is_on_one_basis,
    counted.period_grain,
    counted.period_number,
    attributes.attribute_group,
    sum(
        case
            when customers_at_start = 0 and at_end = 1 and was_active_before = 0 then 1
            else 0
        end
    ) as new_customers,
    sum(
        case
            when customers_at_start = 0 and at_end = 1 and was_active_before = 1 then 1
            else 0
        end
    ) as returning_customers,
    sum(case when customers_at_start > 0 and at_end = 0 then 1 else 0 end) as lost_customers,
    sum(
        case
            when customers_at_start = 0 and at_end = 0 and begins_in_period = 1 then 1
            else 0
        end
    ) as lost_newcomers,
    sum(greatest(customers_at_start - 1, 0)) as merged_customers,
    sum(churn_events) as churn_events,
    -- the report adds the days of a whole period for each customer at its start
    sum(
        days_at_risk
        - customers_at_start * {{ dbt.datediff('period_start', 'state_date', 'day') }}
    ) as days_at_risk_by_changes

from counted
inner join {{ ref('int_customers_segmented') }} as attributes
    on counted.customer_id = attributes.customer_id
group by
    counted.basis, counted.period_grain, counted.period_number, attributes.attribute_group
