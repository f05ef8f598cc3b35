{%- set is_dated = var('merges_apply') == 'from_the_merge_on' -%}
{%- set today_id = 'customer_of_today_id' if is_dated else 'customer_id' -%}
with

runs as (

    select * from {{ ref('int_activities_merged_to_runs') }}

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

customers_on_both_bases as (

    select customer_id from runs
    where basis = 'orders'

    intersect

    select customer_id from runs
    where basis = 'subscriptions'

),

-- Most customers have one basis, and the same runs on 'any'. attribute_changes_on_every_basis copies
-- their counts: that halves the work (docs/decisions/0008-retention-from-changes.md).
counted_runs as (

    select
        runs.basis,
        runs.customer_id,
        runs.run_number,
        runs.started_on,
        runs.ended_on,
        customers_on_both_bases.customer_id is null as is_on_one_basis

    from runs
    left join customers_on_both_bases
        on runs.customer_id = customers_on_both_bases.customer_id
    where runs.basis <> 'any' or customers_on_both_bases.customer_id is not null

),

changes as (

    select
        basis,
        is_on_one_basis,
        customer_id,
        run_number,
        started_on,
        ended_on,
        started_on as changed_on,
        1 as starts,
        0 as ends
    from counted_runs

    union all

    select
        basis,
        is_on_one_basis,
        customer_id,
        run_number,
        started_on,
        ended_on,
        ended_on as changed_on,
        0 as starts,
        1 as ends
    from counted_runs
    where ended_on is not null

),

-- Customers whose activity begins or ends in a period. All others stay as they were.
customer_periods as (

    select
        changes.basis,
        changes.is_on_one_basis,
        changes.customer_id,
        {{ 'coalesce(dated.customer_id, changes.customer_id) as ' ~ today_id ~ ',' if is_dated }}
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
    {%- if is_dated %}
    left join {{ ref('int_customers_traced') }} as dated
        on changes.customer_id = dated.dated_customer_id and dated.is_same
    where
        coalesce(days.period_start > dated.applies_from, true)
        and coalesce(days.state_date <= dated.applies_until, true)
    {%- endif %}
    group by
        changes.basis,
        changes.is_on_one_basis,
        changes.customer_id,
        {{ 'coalesce(dated.customer_id, changes.customer_id),' if is_dated }}
        days.period_grain,
        days.period_number

),

-- One number stands for the attributes here, since texts are slow keys (decision 0007).
attribute_changes as (

    select
        customer_periods.basis,
        customer_periods.is_on_one_basis,
        customer_periods.period_grain,
        customer_periods.period_number,
        customers.attribute_group,
        sum(case when at_start = 0 and at_end = 1 and first_run_number = 1 then 1 else 0 end)
            as new_customers,
        sum(case when at_start = 0 and at_end = 1 and first_run_number > 1 then 1 else 0 end)
            as returning_customers,
        sum(case when at_start = 1 and at_end = 0 then 1 else 0 end) as lost_customers,
        sum(case when at_start = 0 and at_end = 0 then 1 else 0 end) as lost_newcomers,
        0 as merged_customers,
        sum(churn_events) as churn_events,
        sum(days_at_risk_by_changes) as days_at_risk_by_changes

    from customer_periods
    inner join customers
        on customer_periods.{{ today_id }} = customers.customer_id
    group by
        customer_periods.basis,
        customer_periods.is_on_one_basis,
        customer_periods.period_grain,
        customer_periods.period_number,
        customers.attribute_group

),

attribute_changes_on_every_basis as (

    select * from attribute_changes

    union all

    select
        'any' as basis,
        is_on_one_basis,
        period_grain,
        period_number,
        attribute_group,
        new_customers,
        returning_customers,
        lost_customers,
        lost_newcomers,
        merged_customers,
        churn_events,
        days_at_risk_by_changes
    from attribute_changes
    where is_on_one_basis
    {%- if is_dated %}

    union all

    select * from {{ ref('int_runs_aggregated_to_merge_periods') }}
    {%- endif %}

)

select
    changes.basis,
    changes.period_grain,
    changes.period_number{{ segment_attributes('attribute_groups') }},
    sum(changes.new_customers) as new_customers,
    sum(changes.returning_customers) as returning_customers,
    sum(changes.lost_customers) as lost_customers,
    sum(changes.lost_newcomers) as lost_newcomers,
    sum(changes.merged_customers) as merged_customers,
    sum(changes.churn_events) as churn_events,
    sum(changes.days_at_risk_by_changes) as days_at_risk_by_changes

from attribute_changes_on_every_basis as changes
inner join attribute_groups
    on changes.attribute_group = attribute_groups.attribute_group
group by
    changes.basis,
    changes.period_grain,
    changes.period_number{{ segment_attributes('attribute_groups') }}
