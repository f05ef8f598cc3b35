with

as_of as (

    select * from {{ ref('int_as_of') }}

),

purchases as (

    -- an order carries its customer until the midnight that opens this many days later
    select
        'orders' as basis,
        customer_id,
        activity_date as active_from,
        cast({{ dbt.dateadd('day', var('order_lapse_days'), 'activity_date') }} as date)
            as active_to

    from {{ ref('int_orders_aggregated_to_customer_days') }}
    where is_purchase_day

),

spells as (

    select
        'subscriptions' as basis,
        customer_id,
        started_on as active_from,
        coalesce(ended_on, date '9999-12-31') as active_to

    from {{ ref('int_subscriptions_merged_to_spells') }}

),

activities as (

    select * from purchases

    union all

    select * from spells

    union all

    -- whoever buys or subscribes
    select
        'any' as basis,
        customer_id,
        active_from,
        active_to
    from purchases

    union all

    select
        'any' as basis,
        customer_id,
        active_from,
        active_to
    from spells

),

with_active_before as (

    select
        *,
        max(active_to) over (
            partition by basis, customer_id
            order by active_from, active_to
            rows between unbounded preceding and 1 preceding
        ) as active_before_to

    from activities

),

numbered as (

    select
        *,
        sum(case when active_from <= active_before_to then 0 else 1 end) over (
            partition by basis, customer_id
            order by active_from, active_to
            rows between unbounded preceding and current row
        ) as run_number

    from with_active_before

),

runs as (

    select
        basis,
        customer_id,
        run_number,
        min(active_from) as started_on,
        max(active_to) as active_to

    from numbered
    group by basis, customer_id, run_number

)

select
    runs.basis,
    runs.customer_id,
    runs.run_number,
    runs.started_on,
    -- what ends at as_of or later is still running
    case when runs.active_to < as_of.as_of then runs.active_to end as ended_on

from runs
cross join as_of
