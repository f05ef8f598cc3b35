with

stays as (

    select * from {{ ref('int_stages_aggregated_to_months') }}

),

months as (

    select * from {{ ref('int_months_spined') }}

),

flows as (

    select
        {{ segment_columns() }},
        side,
        month,
        previous_stage,
        stage,
        sum(stays) as customers

    from stays
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
