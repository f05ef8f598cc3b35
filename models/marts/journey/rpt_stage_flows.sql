with

stays as (

    select * from {{ ref('int_stages_aggregated_to_months') }}

),

months as (

    select * from {{ ref('int_months_spined') }}

),

attribute_groups as (

    select distinct customers.attribute_group{{ segment_attributes('customers') }}
    from {{ ref('int_customers_segmented') }} as customers

),

-- Few rows are left for the join of the attributes.
stays_of_all_days as (

    select
        attribute_group,
        side,
        month,
        previous_stage,
        stage,
        sum(stays) as customers

    from stays
    group by attribute_group, side, month, previous_stage, stage

),

flows as (

    select
        {{ segment_columns() }},
        side,
        month,
        previous_stage,
        stage,
        sum(customers) as customers

    from stays_of_all_days
    inner join attribute_groups
        on stays_of_all_days.attribute_group = attribute_groups.attribute_group
    group by {{ segment_sets(['side', 'month', 'previous_stage', 'stage']) }}

)

-- Accounts may be older than the first order. What happened before the calendar is in no month.
select
    flows.segment_name,
    flows.segment_value,
    flows.side,
    flows.month,
    coalesce(flows.previous_stage, '(none)') as from_stage,
    flows.stage as to_stage,
    cast(flows.customers as bigint) as customers,
    months.is_complete

from flows
inner join months
    on flows.month = months.month
