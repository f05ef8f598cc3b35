with

shown as (

    select
        count(*) as customers,
        count(signed_up_on) as with_signed_up_on,
        count(acquired_on) as with_acquired_on,
        count(acquired_month) as with_acquired_month,
        count(first_order_date) as with_first_order_date,
        count(last_order_date) as with_last_order_date,
        count(first_paid_on) as with_first_paid_on,
        sum(case when status = 'active' then 1 else 0 end) as active_customers,
        count(stage) as with_stage,
        sum(case when is_active_buyer then 1 else 0 end) as active_buyers,
        sum(case when is_subscriber then 1 else 0 end) as subscribers,
        sum(tenure_days) as tenure_days,
        sum(lifetime_orders) as lifetime_orders,
        sum(lifetime_net_revenue) as lifetime_net_revenue,
        sum(lifetime_recurring_revenue) as lifetime_recurring_revenue,
        sum(current_mrr) as current_mrr,
        count(chance_to_buy_again) as with_chance_to_buy_again,
        count(expected_orders_365d) as with_expected_orders_365d,
        sum(predicted_order_value) as predicted_order_value,
        sum(predicted_subscription_value) as predicted_subscription_value,
        sum(predicted_clv) as predicted_clv

    from {{ ref('customers') }}

),

in_core as (

    select
        count(*) as customers,
        count(signed_up_on) as with_signed_up_on,
        count(acquired_on) as with_acquired_on,
        count(first_order_date) as with_first_order_date,
        count(last_order_date) as with_last_order_date,
        count(first_paid_on) as with_first_paid_on,
        sum(case when status = 'active' then 1 else 0 end) as active_customers,
        sum(case when is_active_orders then 1 else 0 end) as active_buyers,
        sum(case when is_active_subscriptions then 1 else 0 end) as subscribers,
        sum(tenure_days) as tenure_days,
        sum(lifetime_orders) as lifetime_orders,
        sum(lifetime_net_revenue) as lifetime_net_revenue,
        sum(lifetime_recurring_revenue) as lifetime_recurring_revenue,
        sum(current_mrr) as current_mrr

    from {{ ref('dim_customers') }}

),

in_clv as (

    select
        count(p_alive) as with_chance_to_buy_again,
        count(expected_orders_365d) as with_expected_orders_365d,
        sum(predicted_order_value) as predicted_order_value,
        sum(predicted_subscription_value) as predicted_subscription_value,
        sum(predicted_clv) as predicted_clv

    from {{ ref('fct_customer_value') }}

),

on_the_journey as (

    select count(distinct customer_id) as customers from {{ ref('fct_stage_changes') }}
    where left_on is null

)

select
    shown.customers,
    in_core.customers as core_customers

from shown
cross join in_core
cross join in_clv
cross join on_the_journey
where
    shown.customers <> in_core.customers
    or shown.with_signed_up_on <> in_core.with_signed_up_on
    or shown.with_acquired_on <> in_core.with_acquired_on
    or shown.with_acquired_month <> in_core.with_acquired_on
    or shown.with_first_order_date <> in_core.with_first_order_date
    or shown.with_last_order_date <> in_core.with_last_order_date
    or shown.with_first_paid_on <> in_core.with_first_paid_on
    or shown.with_stage <> on_the_journey.customers
    or shown.active_customers <> in_core.active_customers
    or shown.active_buyers <> in_core.active_buyers
    or shown.subscribers <> in_core.subscribers
    or shown.tenure_days is distinct from in_core.tenure_days
    or shown.lifetime_orders is distinct from in_core.lifetime_orders
    or shown.lifetime_net_revenue is distinct from in_core.lifetime_net_revenue
    or shown.lifetime_recurring_revenue is distinct from in_core.lifetime_recurring_revenue
    or shown.current_mrr is distinct from in_core.current_mrr
    or shown.with_chance_to_buy_again <> in_clv.with_chance_to_buy_again
    or shown.with_expected_orders_365d <> in_clv.with_expected_orders_365d
    or coalesce(shown.predicted_order_value, 0) <> coalesce(in_clv.predicted_order_value, 0)
    or coalesce(shown.predicted_subscription_value, 0)
    <> coalesce(in_clv.predicted_subscription_value, 0)
    or coalesce(shown.predicted_clv, 0) <> coalesce(in_clv.predicted_clv, 0)
