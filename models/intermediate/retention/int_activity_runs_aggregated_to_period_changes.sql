{%- set grains = ['week', 'month', 'quarter', 'year'] -%}
{%- set counts = ['new_customers', 'returning_customers', 'lost_customers', 'lost_newcomers'] -%}
{%- set is_dated = var('merges_apply') == 'from_the_merge_on' -%}
with

customers as (

    select * from {{ ref('int_customers_segmented') }}

),

attribute_groups as (

    select distinct customers.attribute_group{{ segment_attributes('customers') }}
    from customers

),

days as (

    select * from {{ ref('int_days_assigned_to_periods') }}

),

changes as (

    select * from {{ ref('int_activity_runs_aggregated_to_changed_days') }}

),

-- One number stands for the attributes here, since texts are slow keys (decision 0007). A start adds the
-- days from it to the period's end. A loss takes off the days after it: its own day is at risk.
attribute_changes as (

    select
        changes.basis,
        changes.is_on_one_basis,
        days.period_grain,
        days.period_number,
        changes.attribute_group,
        {%- for count in counts %}
        sum(
            case days.period_grain
                {%- for grain in grains %}
                when '{{ grain }}' then changes.{{ grain }}_{{ count }}
                {%- endfor %}
            end
        ) as {{ count }},
        {%- endfor %}
        0 as merged_customers,
        sum(changes.ends) as churn_events,
        sum(changes.starts * {{ dbt.datediff('changes.changed_on', 'days.state_date', 'day') }})
        - sum(
            changes.ends * ({{ dbt.datediff('changes.changed_on', 'days.state_date', 'day') }} - 1)
        ) as days_at_risk_by_changes

    from changes
    inner join days
        on changes.changed_on = days.date_day
    -- an account that was merged counts in the periods at whose end it was a customer
    where
        coalesce(days.period_start > changes.applies_from, true)
        and coalesce(days.state_date <= changes.applies_until, true)
    group by
        changes.basis,
        changes.is_on_one_basis,
        days.period_grain,
        days.period_number,
        changes.attribute_group

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
    cast(sum(changes.new_customers) as bigint) as new_customers,
    cast(sum(changes.returning_customers) as bigint) as returning_customers,
    cast(sum(changes.lost_customers) as bigint) as lost_customers,
    cast(sum(changes.lost_newcomers) as bigint) as lost_newcomers,
    cast(sum(changes.merged_customers) as bigint) as merged_customers,
    cast(sum(changes.churn_events) as bigint) as churn_events,
    cast(sum(changes.days_at_risk_by_changes) as bigint) as days_at_risk_by_changes

from attribute_changes_on_every_basis as changes
inner join attribute_groups
    on changes.attribute_group = attribute_groups.attribute_group
group by
    changes.basis,
    changes.period_grain,
    changes.period_number{{ segment_attributes('attribute_groups') }}
