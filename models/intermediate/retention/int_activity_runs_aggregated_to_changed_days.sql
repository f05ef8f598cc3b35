{%- set is_dated = var('merges_apply') == 'from_the_merge_on' -%}
{%- set grains = ['week', 'month', 'quarter', 'year'] -%}
with

runs as (

    select * from {{ ref('int_activities_merged_to_runs') }}

),

customers_of_today as (

    select * from {{ ref('int_customers_segmented') }}

),

customers as (

    select
        customer_id,
        attribute_group,
        cast(null as date) as applies_from,
        cast(null as date) as applies_until
    from customers_of_today
    {%- if is_dated %}
    where
        customer_id not in (
            select dated_customer_id from {{ ref('int_customers_traced') }}
            where is_same
        )

    union all

    select
        dated_customers.dated_customer_id as customer_id,
        customers_of_today.attribute_group,
        dated_customers.applies_from,
        dated_customers.applies_until
    from {{ ref('int_customers_traced') }} as dated_customers
    inner join customers_of_today
        on dated_customers.customer_id = customers_of_today.customer_id
    where dated_customers.is_same
    {%- endif %}

),

-- One row per day, with its period of each grain.
days as (

    select
        {%- for grain in grains %}
        max(case when period_grain = '{{ grain }}' then period_start end) as {{ grain }}_start,
        max(case when period_grain = '{{ grain }}' then state_date end) as {{ grain }}_state_date,
        {%- endfor %}
        date_day

    from {{ ref('int_days_assigned_to_periods') }}
    group by date_day

),

customers_on_both_bases as (

    select customer_id from runs
    where basis = 'orders'

    intersect

    select customer_id from runs
    where basis = 'subscriptions'

),

-- Most customers have one basis, and the same runs on 'any'. int_activity_runs_aggregated_to_period_changes
-- copies their counts: that halves the work (docs/decisions/0008-retention-from-changes.md).
counted_runs as (

    select
        runs.basis,
        customers_on_both_bases.customer_id is null as is_on_one_basis,
        runs.customer_id,
        runs.run_number,
        runs.started_on,
        runs.ended_on,
        lag(runs.ended_on) over a_customer as previous_ended_on,
        lead(runs.started_on) over a_customer as next_started_on

    from runs
    left join customers_on_both_bases
        on runs.customer_id = customers_on_both_bases.customer_id
    where runs.basis <> 'any' or customers_on_both_bases.customer_id is not null
    window a_customer as (partition by runs.basis, runs.customer_id order by runs.run_number)

),

-- A run enters a period if it starts there, and no earlier run of its customer is in the period.
entries as (

    select
        counted_runs.*,
        {%- for grain in grains %}
        max(
            case
                when coalesce(counted_runs.previous_ended_on < days.{{ grain }}_start, true)
                    then counted_runs.started_on
            end
        ) over a_customer as entered_{{ grain }}_on,
        {%- endfor %}
        min(counted_runs.started_on) over a_customer as first_started_on

    from counted_runs
    inner join days
        on counted_runs.started_on = days.date_day
    window a_customer as (
        partition by counted_runs.basis, counted_runs.customer_id
        order by counted_runs.run_number
        rows between unbounded preceding and current row
    )

),

-- Who enters a period is not there at its start. Who leaves for the rest of a period is not there at
-- its end. Who does both has not stayed, and the leave takes back what the entry had counted.
changes as (

    select
        basis,
        is_on_one_basis,
        customer_id,
        started_on as changed_on,
        {%- for grain in grains %}
        case when entered_{{ grain }}_on = started_on and run_number = 1 then 1 else 0 end
            as {{ grain }}_new_customers,
        case when entered_{{ grain }}_on = started_on and run_number > 1 then 1 else 0 end
            as {{ grain }}_returning_customers,
        0 as {{ grain }}_lost_customers,
        0 as {{ grain }}_lost_newcomers,
        {%- endfor %}
        1 as starts,
        0 as ends
    from entries

    union all

    select
        entries.basis,
        entries.is_on_one_basis,
        entries.customer_id,
        entries.ended_on as changed_on,
        {%- for grain in grains %}
        {%- set next_period = 'days.' ~ grain ~ '_state_date' %}
        {%- set leaves = 'coalesce(entries.next_started_on >= ' ~ next_period ~ ', true)' %}
        {%- set entered_on = 'entries.entered_' ~ grain ~ '_on' %}
        {%- set is_newcomer = entered_on ~ ' >= days.' ~ grain ~ '_start' %}
        case
            when
                {{ leaves }}
                and {{ is_newcomer }}
                and {{ entered_on }} = entries.first_started_on
                then -1
            else 0
        end as {{ grain }}_new_customers,
        case
            when
                {{ leaves }}
                and {{ is_newcomer }}
                and {{ entered_on }} > entries.first_started_on
                then -1
            else 0
        end as {{ grain }}_returning_customers,
        case when {{ leaves }} and not {{ is_newcomer }} then 1 else 0 end
            as {{ grain }}_lost_customers,
        case when {{ leaves }} and {{ is_newcomer }} then 1 else 0 end
            as {{ grain }}_lost_newcomers,
        {%- endfor %}
        0 as starts,
        1 as ends
    from entries
    inner join days
        on entries.ended_on = days.date_day

)

select
    changes.basis,
    changes.is_on_one_basis,
    customers.attribute_group,
    changes.changed_on,
    customers.applies_from,
    customers.applies_until,
    {%- for grain in grains %}
    cast(sum(changes.{{ grain }}_new_customers) as bigint) as {{ grain }}_new_customers,
    cast(sum(changes.{{ grain }}_returning_customers) as bigint) as {{ grain }}_returning_customers,
    cast(sum(changes.{{ grain }}_lost_customers) as bigint) as {{ grain }}_lost_customers,
    cast(sum(changes.{{ grain }}_lost_newcomers) as bigint) as {{ grain }}_lost_newcomers,
    {%- endfor %}
    cast(sum(changes.starts) as bigint) as starts,
    cast(sum(changes.ends) as bigint) as ends

from changes
inner join customers
    on changes.customer_id = customers.customer_id
group by
    changes.basis,
    changes.is_on_one_basis,
    customers.attribute_group,
    changes.changed_on,
    customers.applies_from,
    customers.applies_until
