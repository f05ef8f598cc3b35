with

runs as (

    select * from {{ ref('int_activities_merged_to_runs') }}

),

customers as (

    select * from {{ ref('int_customers_segmented') }}

),

periods_of_days as (

    select * from {{ ref('int_days_assigned_to_periods') }}

),

changes as (

    select
        basis,
        customer_id,
        run_number,
        started_on,
        ended_on,
        started_on as changed_on,
        1 as starts,
        0 as ends
    from runs

    union all

    select
        basis,
        customer_id,
        run_number,
        started_on,
        ended_on,
        ended_on as changed_on,
        0 as starts,
        1 as ends
    from runs
    where ended_on is not null

),

-- Customers whose activity begins or ends in a period. All others stay as they were.
customer_periods as (

    select
        changes.basis,
        changes.customer_id,
        days.period_grain,
        days.period_number,
        max(case when changes.started_on < days.period_start then 1 else 0 end) as at_start,
        max(
            case
                when changes.ended_on is null or changes.ended_on >= days.state_date then 1
                else 0
            end
        ) as at_end,
        min(changes.run_number) as first_run_number,
        sum(changes.ends) as churn_events,
        -- A start adds the days from it to the period's end. A loss takes off the days after it:
        -- the day of the loss itself is at risk.
        sum(changes.starts * {{ dbt.datediff('changes.changed_on', 'days.state_date', 'day') }})
        - sum(
            changes.ends * ({{ dbt.datediff('changes.changed_on', 'days.state_date', 'day') }} - 1)
        ) as days_at_risk_by_changes

    from changes
    inner join periods_of_days as days
        on changes.changed_on = days.date_day
    group by
        changes.basis,
        changes.customer_id,
        days.period_grain,
        days.period_number

)

select
    customer_periods.basis,
    customer_periods.period_grain{{ segment_attributes('customers') }},
    customer_periods.period_number,
    sum(case when at_start = 0 and at_end = 1 and first_run_number = 1 then 1 else 0 end)
        as new_customers,
    sum(case when at_start = 0 and at_end = 1 and first_run_number > 1 then 1 else 0 end)
        as returning_customers,
    sum(case when at_start = 1 and at_end = 0 then 1 else 0 end) as lost_customers,
    sum(case when at_start = 0 and at_end = 0 then 1 else 0 end) as lost_newcomers,
    sum(churn_events) as churn_events,
    sum(days_at_risk_by_changes) as days_at_risk_by_changes

from customer_periods
inner join customers
    on customer_periods.customer_id = customers.customer_id
group by
    customer_periods.basis,
    customer_periods.period_grain{{ segment_attributes('customers') }},
    customer_periods.period_number
