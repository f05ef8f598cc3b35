with

months as (

    select * from {{ ref('int_months_spined') }}

),

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

recurring_revenue as (

    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}
    where
        not is_short_lived
        and customer_id not in (select customer_id from {{ ref('int_customers_until_a_merge') }})

),

spells as (

    select * from {{ ref('int_subscriptions_merged_to_spells') }}

),

order_months as (

    select
        customer_id,
        cast({{ dbt.date_trunc('month', 'activity_date') }} as date) as month,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue,
        max(active_until) as active_until

    from customer_days
    group by customer_id, cast({{ dbt.date_trunc('month', 'activity_date') }} as date)

),

facts as (

    select
        customer_id,
        month,
        orders,
        net_revenue,
        active_until,
        0 as mrr

    from order_months

    union all

    select
        customer_id,
        month,
        0 as orders,
        0 as net_revenue,
        cast(null as date) as active_until,
        closing_mrr as mrr

    from recurring_revenue

),

customer_months as (

    select
        facts.customer_id,
        facts.month,
        months.is_complete,
        months.state_date,
        sum(facts.orders) as orders,
        sum(facts.net_revenue) as net_revenue,
        sum(facts.mrr) as mrr,
        max(facts.active_until) as active_until

    from facts
    inner join months
        on facts.month = months.month
    group by facts.customer_id, facts.month, months.is_complete, months.state_date

),

-- an order of an earlier month may carry the customer into this one
with_latest_order as (

    select
        *,
        max(active_until) over (
            partition by customer_id
            order by month
            rows between unbounded preceding and current row
        ) as last_active_until

    from customer_months

),

-- in a spell just before the boundary
months_in_a_spell as (

    select
        customer_months.customer_id,
        customer_months.month

    from customer_months
    inner join spells
        on
            customer_months.customer_id = spells.customer_id
            and spells.started_on < customer_months.state_date
            and (spells.ended_on is null or spells.ended_on >= customer_months.state_date)

)

select
    with_latest_order.customer_id,
    cast(with_latest_order.orders as bigint) as orders,
    cast(with_latest_order.net_revenue as decimal(18, 2)) as net_revenue,
    cast(with_latest_order.mrr as decimal(18, 2)) as mrr,
    coalesce(with_latest_order.last_active_until >= with_latest_order.state_date, false)
        as is_active_orders,
    months_in_a_spell.customer_id is not null as is_active_subscriptions,
    with_latest_order.is_complete,
    with_latest_order.month

from with_latest_order
left join months_in_a_spell
    on
        with_latest_order.customer_id = months_in_a_spell.customer_id
        and with_latest_order.month = months_in_a_spell.month
