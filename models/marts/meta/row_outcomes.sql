with

outcomes as (

    select * from {{ ref('int_records_aggregated_to_outcomes') }}
    where outcome <> 'accepted'

),

unknown_statuses as (

    select * from {{ ref('int_records_aggregated_to_unknown_statuses') }}

),

unknown_customers as (

    select * from {{ ref('int_records_aggregated_to_unknown_customers') }}

),

remarks as (

    select * from {{ ref('int_records_aggregated_to_remarks') }}

),

not_counted as (

    select * from {{ ref('int_records_aggregated_to_not_counted') }}

),

combined as (

    select
        table_name,
        outcome,
        reason,
        records,
        amount
    from outcomes

    union all

    select
        table_name,
        'not_counted' as outcome,
        reason,
        records,
        amount
    from not_counted

    union all

    select
        table_name,
        'counted' as outcome,
        reason,
        records,
        amount
    from unknown_statuses

    union all

    select
        table_name,
        'counted' as outcome,
        reason,
        records,
        amount
    from unknown_customers

    union all

    select
        table_name,
        'counted' as outcome,
        reason,
        records,
        amount
    from remarks

)

select
    table_name,
    outcome,
    reason,
    cast(sum(records) as bigint) as records,
    cast(sum(amount) as decimal(38, 4)) as amount

from combined
group by table_name, outcome, reason
