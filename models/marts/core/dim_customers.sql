with

as_of as (

    select * from {{ ref('int_as_of') }}

),

attributes as (

    select * from {{ ref('int_customers_segmented') }}

),

accounts as (

    select * from {{ ref('int_customers_assessed') }}
    where coalesce(not_counted_reason, '') <> 'deleted'

),

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

customer_months as (

    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}

),

last_month as (

    select max(month) as month from {{ ref('int_months_spined') }}

),

referrals as (

    select * from {{ ref('int_referrals_assessed') }}
    where is_counted

),

order_totals as (

    select
        customer_id,
        sum(orders) as lifetime_orders,
        sum(net_revenue) as lifetime_net_revenue,
        min(case when is_purchase_day then activity_date end) as first_order_date,
        max(case when is_purchase_day then activity_date end) as last_order_date,
        max(active_until) as active_until

    from customer_days
    group by customer_id

),

-- The running month has its state at as_of, so its closing revenue is the revenue of today.
recurring_revenue_totals as (

    select
        customer_months.customer_id,
        sum(case when customer_months.is_complete then customer_months.closing_mrr else 0 end)
            as lifetime_recurring_revenue,
        sum(
            case
                when customer_months.month = last_month.month then customer_months.closing_mrr
                else 0
            end
        ) as current_mrr

    from customer_months
    cross join last_month
    group by customer_months.customer_id

),

spell_totals as (

    select
        customer_id,
        min(started_on) as first_paid_on,
        max(case when ended_on is null then 1 else 0 end) = 1 as has_running_spell

    from {{ ref('int_subscriptions_merged_to_spells') }}
    group by customer_id

),

referral_totals as (

    select
        referrals.referrer_id,
        count(*) as referred_customers,
        sum(order_totals.lifetime_net_revenue) as referred_net_revenue

    from referrals
    left join order_totals
        on referrals.customer_id = order_totals.customer_id
    group by referrals.referrer_id

),

joined as (

    select
        attributes.*,
        as_of.as_of,
        accounts.referred_by_customer_id,
        coalesce(order_totals.lifetime_orders, 0) as lifetime_orders,
        coalesce(order_totals.lifetime_net_revenue, 0) as lifetime_net_revenue,
        coalesce(recurring_revenue_totals.lifetime_recurring_revenue, 0)
            as lifetime_recurring_revenue,
        coalesce(recurring_revenue_totals.current_mrr, 0) as current_mrr,
        coalesce(referral_totals.referred_customers, 0) as referred_customers,
        coalesce(referral_totals.referred_net_revenue, 0) as referred_net_revenue,
        coalesce(order_totals.active_until >= as_of.as_of, false) as is_active_orders,
        coalesce(spell_totals.has_running_spell, false) as is_active_subscriptions,
        -- an account made after as_of has attributes, but is no event yet
        case when accounts.is_counted then accounts.signed_up_on end as signed_up_on,
        order_totals.first_order_date,
        order_totals.last_order_date,
        spell_totals.first_paid_on,
        least(order_totals.first_order_date, spell_totals.first_paid_on) as acquired_on

    from attributes
    cross join as_of
    left join accounts
        on attributes.customer_id = accounts.customer_id
    left join order_totals
        on attributes.customer_id = order_totals.customer_id
    left join recurring_revenue_totals
        on attributes.customer_id = recurring_revenue_totals.customer_id
    left join spell_totals
        on attributes.customer_id = spell_totals.customer_id
    left join referral_totals
        on attributes.customer_id = referral_totals.referrer_id

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
        when is_active_orders or is_active_subscriptions then 'active'
        else 'lost'
    end as status,
    cast(lifetime_orders as bigint) as lifetime_orders,
    cast(lifetime_net_revenue as decimal(18, 2)) as lifetime_net_revenue,
    cast(lifetime_recurring_revenue as decimal(18, 2)) as lifetime_recurring_revenue,
    cast(current_mrr as decimal(18, 2)) as current_mrr,
    cast(referred_customers as bigint) as referred_customers,
    cast(referred_net_revenue as decimal(18, 2)) as referred_net_revenue,
    is_active_orders,
    is_active_subscriptions,
    cast({{ dbt.datediff('acquired_on', 'as_of', 'day') }} - 1 as bigint) as tenure_days,
    signed_up_on,
    acquired_on,
    first_order_date,
    last_order_date,
    first_paid_on{{ pass_through('customers') }}

from joined
