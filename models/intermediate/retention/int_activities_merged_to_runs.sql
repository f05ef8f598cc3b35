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

customers_on_both as (

    select customer_id from purchases

    intersect

    select customer_id from spells

),

activities as (

    select * from purchases

    union all

    select * from spells

    union all

    -- whoever buys and subscribes; on any, the runs of all others are those of their one basis
    select
        'any' as basis,
        purchases.customer_id,
        purchases.active_from,
        purchases.active_to
    from purchases
    inner join customers_on_both
        on purchases.customer_id = customers_on_both.customer_id

    union all

    select
        'any' as basis,
        spells.customer_id,
        spells.active_from,
        spells.active_to
    from spells
    inner join customers_on_both
        on spells.customer_id = customers_on_both.customer_id

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

),

dated_runs as (

    select
        runs.basis,
        runs.customer_id,
        runs.run_number,
        runs.started_on,
        -- what ends at as_of or later is still running
        case when runs.active_to < as_of.as_of then runs.active_to end as ended_on,
        customers_on_both.customer_id is null as is_on_one_basis

    from runs
    cross join as_of
    left join customers_on_both
        on runs.customer_id = customers_on_both.customer_id

)

select * from dated_runs

union all

select
    'any' as basis,
    customer_id,
    run_number,
    started_on,
    ended_on,
    is_on_one_basis
from dated_runs
where is_on_one_basis
