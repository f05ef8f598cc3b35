with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

spells as (

    select * from {{ ref('int_subscriptions_merged_to_spells') }}

),

activities as (

    select
        'orders' as basis,
        customer_id,
        activity_date as active_from,
        active_until
    from customer_days
    where is_purchase_day
    {%- if var('merges_apply') == 'from_the_merge_on' %}

    union all

    select
        'orders' as basis,
        customer_id,
        activity_date as active_from,
        active_until
    from {{ ref('int_customer_days_dated') }}
    where is_purchase_day
    {%- endif %}

    union all

    select
        'subscriptions' as basis,
        spells.customer_id,
        spells.started_on as active_from,
        -- a running spell is active at as_of, and nothing later matters
        coalesce(spells.ended_on, as_of.as_of) as active_until
    from spells
    cross join as_of

),

customers_on_both_bases as (

    select customer_id from activities
    where basis = 'orders'

    intersect

    select customer_id from activities
    where basis = 'subscriptions'

),

-- Customers who only buy, or only subscribe, have the same runs on 'any'. The last select copies
-- them: that costs less than merging the activities of all customers twice (decision 0008).
activities_on_every_basis as (

    select * from activities

    union all

    select
        'any' as basis,
        activities.customer_id,
        activities.active_from,
        activities.active_until

    from activities
    inner join customers_on_both_bases
        on activities.customer_id = customers_on_both_bases.customer_id

),

with_active_before as (

    select
        *,
        max(active_until) over (
            partition by basis, customer_id
            order by active_from, active_until
            rows between unbounded preceding and 1 preceding
        ) as active_before_until

    from activities_on_every_basis

),

numbered as (

    select
        *,
        cast(
            sum(case when active_from <= active_before_until then 0 else 1 end) over (
                partition by basis, customer_id
                order by active_from, active_until
                rows between unbounded preceding and current row
            ) as bigint
        ) as run_number

    from with_active_before

),

runs as (

    select
        basis,
        customer_id,
        run_number,
        min(active_from) as started_on,
        max(active_until) as active_until

    from numbered
    group by basis, customer_id, run_number

),

-- A run that ends at as_of or later is still running.
dated_runs as (

    select
        runs.basis,
        runs.customer_id,
        runs.run_number,
        runs.started_on,
        case when runs.active_until < as_of.as_of then runs.active_until end as ended_on

    from runs
    cross join as_of

)

select * from dated_runs

union all

select
    'any' as basis,
    dated_runs.customer_id,
    dated_runs.run_number,
    dated_runs.started_on,
    dated_runs.ended_on

from dated_runs
left join customers_on_both_bases
    on dated_runs.customer_id = customers_on_both_bases.customer_id
where customers_on_both_bases.customer_id is null
