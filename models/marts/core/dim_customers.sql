with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customers as (

    select * from {{ ref('int_customers_assessed') }}

),

orders as (

    select * from {{ ref('int_orders_assessed') }}
    where is_counted and customer_id is not null

),

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

versions as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where not_counted_reason is null

),

spells as (

    select * from {{ ref('int_subscriptions_merged_to_spells') }}

),

value_bands as (

    select
        value_band,
        minimum_amount,
        lead(minimum_amount) over (order by minimum_amount) as next_minimum_amount
    from {{ ref('order_value_bands') }}

),

known_customers as (

    select customer_id from customers
    where is_counted

    union distinct

    select customer_id from customer_days

    union distinct

    select customer_id from versions

),

order_totals as (

    select
        customer_id,
        sum(orders) as lifetime_orders,
        sum(net_revenue) as lifetime_net_revenue,
        min(case when is_purchase_day then activity_date end) as first_order_date,
        max(case when is_purchase_day then activity_date end) as last_order_date

    from customer_days
    group by customer_id

),

orders_in_sequence as (

    select
        customer_id,
        amount,
        row_number() over (partition by customer_id order by ordered_at, order_id) as order_number

    from orders

),

first_orders as (

    select
        orders_in_sequence.customer_id,
        value_bands.value_band

    from orders_in_sequence
    inner join value_bands
        on
            orders_in_sequence.amount >= value_bands.minimum_amount
            and (
                value_bands.next_minimum_amount is null
                or orders_in_sequence.amount < value_bands.next_minimum_amount
            )
    where orders_in_sequence.order_number = 1

),

paying_in_sequence as (

    select
        customer_id,
        plan_id,
        billing_interval,
        row_number() over (
            partition by customer_id order by pays_from, subscription_id, valid_from
        ) as sequence_number

    from versions
    where is_paying

),

first_plans as (

    select * from paying_in_sequence
    where sequence_number = 1

),

spell_totals as (

    select
        customer_id,
        min(started_on) as first_paid_on,
        max(case when ended_on is null then 1 else 0 end) = 1 as is_subscriber

    from spells
    group by customer_id

),

current_revenue as (

    select
        versions.customer_id,
        sum(versions.mrr) as current_mrr

    from versions
    cross join as_of
    where
        versions.is_paying
        and (versions.pays_to is null or versions.pays_to >= as_of.as_of_at)
    group by versions.customer_id

),

joined as (

    select
        known_customers.customer_id,
        customers.referred_by_customer_id,
        coalesce(customers.acquisition_channel, '(none)') as acquisition_channel,
        coalesce(customers.country, '(none)') as country,
        coalesce(first_plans.plan_id, '(none)') as first_plan_id,
        coalesce(first_plans.billing_interval, '(none)') as first_billing_interval,
        coalesce(first_orders.value_band, '(none)') as first_order_value_band,
        coalesce(order_totals.lifetime_orders, 0) as lifetime_orders,
        coalesce(order_totals.lifetime_net_revenue, 0) as lifetime_net_revenue,
        coalesce(current_revenue.current_mrr, 0) as current_mrr,
        coalesce(
            {{ dbt.dateadd('day', var('order_lapse_days'), 'order_totals.last_order_date') }}
            >= as_of.as_of,
            false
        ) as is_active_buyer,
        coalesce(spell_totals.is_subscriber, false) as is_subscriber,
        -- an account made after as_of says what is known of a buyer, but is no event yet
        case when customers.is_counted then customers.signed_up_on end as signed_up_on,
        order_totals.first_order_date,
        order_totals.last_order_date,
        spell_totals.first_paid_on,
        least(order_totals.first_order_date, spell_totals.first_paid_on) as acquired_on

    from known_customers
    cross join as_of
    left join customers
        on known_customers.customer_id = customers.customer_id
    left join order_totals
        on known_customers.customer_id = order_totals.customer_id
    left join first_orders
        on known_customers.customer_id = first_orders.customer_id
    left join first_plans
        on known_customers.customer_id = first_plans.customer_id
    left join spell_totals
        on known_customers.customer_id = spell_totals.customer_id
    left join current_revenue
        on known_customers.customer_id = current_revenue.customer_id

)

select
    customer_id,
    referred_by_customer_id,
    acquisition_channel,
    country,
    first_plan_id,
    first_billing_interval,
    first_order_value_band,
    case
        when acquired_on is null then 'prospect'
        when is_active_buyer or is_subscriber then 'active'
        else 'lost'
    end as status,
    cast(lifetime_orders as bigint) as lifetime_orders,
    cast(lifetime_net_revenue as decimal(18, 2)) as lifetime_net_revenue,
    cast(current_mrr as decimal(18, 2)) as current_mrr,
    is_active_buyer,
    is_subscriber,
    signed_up_on,
    acquired_on,
    first_order_date,
    last_order_date,
    first_paid_on

from joined
