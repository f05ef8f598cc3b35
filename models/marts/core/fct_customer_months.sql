with

months as (

    select
        period_start as month,
        is_complete,
        least(period_end, as_of.as_of) as state_date
    from {{ ref('int_periods_spined') }}
    cross join {{ ref('int_as_of') }} as as_of
    where period_grain = 'month'

),

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

recurring_revenue as (

    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}
    where not is_short_lived

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
        max(case when is_purchase_day then activity_date end) as last_purchase_date

    from customer_days
    group by customer_id, cast({{ dbt.date_trunc('month', 'activity_date') }} as date)

),

facts as (

    select
        customer_id,
        month,
        orders,
        net_revenue,
        last_purchase_date,
        0 as mrr

    from order_months

    union all

    select
        customer_id,
        month,
        0 as orders,
        0 as net_revenue,
        cast(null as date) as last_purchase_date,
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
        max(facts.last_purchase_date) as last_purchase_in_month

    from facts
    inner join months
        on facts.month = months.month
    group by facts.customer_id, facts.month, months.is_complete, months.state_date

),

with_last_purchase as (

    select
        *,
        max(last_purchase_in_month) over (
            partition by customer_id
            order by month
            rows between unbounded preceding and current row
        ) as last_purchase_date

    from customer_months

),

months_in_a_spell as (

    -- in a spell just before the boundary
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
    with_last_purchase.customer_id,
    cast(with_last_purchase.orders as bigint) as orders,
    cast(with_last_purchase.net_revenue as decimal(18, 2)) as net_revenue,
    cast(with_last_purchase.mrr as decimal(18, 2)) as mrr,
    coalesce(
        {{ dbt.dateadd('day', var('order_lapse_days'), 'with_last_purchase.last_purchase_date') }}
        >= with_last_purchase.state_date,
        false
    ) as is_active_orders,
    months_in_a_spell.customer_id is not null as is_active_subscriptions,
    with_last_purchase.is_complete,
    with_last_purchase.month

from with_last_purchase
left join months_in_a_spell
    on
        with_last_purchase.customer_id = months_in_a_spell.customer_id
        and with_last_purchase.month = months_in_a_spell.month
