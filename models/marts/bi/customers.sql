with

customers as (

    select * from {{ without_database(ref('dim_customers')) }}

),

dates as (

    select * from {{ without_database(ref('dim_dates')) }}

),

customer_values as (

    select * from {{ without_database(ref('fct_customer_value')) }}

),

stages as (

    select * from {{ without_database(ref('fct_stage_changes')) }}
    where side = 'overall' and left_on is null

)

select
    customers.customer_id,
    customers.status,
    stages.stage,
    customers.acquisition_channel,
    customers.country,
    customers.first_plan_id,
    customers.first_billing_interval,
    customers.first_order_value_band,
    customers.is_active_orders as is_active_buyer,
    customers.is_active_subscriptions as is_subscriber,
    customers.tenure_days,
    customers.lifetime_orders,
    customers.lifetime_net_revenue,
    customers.lifetime_recurring_revenue,
    customers.current_mrr,
    customer_values.p_alive as chance_to_buy_again,
    customer_values.expected_orders_365d,
    customer_values.predicted_order_value,
    customer_values.predicted_subscription_value,
    customer_values.predicted_clv,
    customers.signed_up_on,
    customers.acquired_on,
    dates.month_start as acquired_month,
    customers.first_order_date,
    customers.last_order_date,
    customers.first_paid_on{{ pass_through('customers', 'customers') }}

from customers
left join dates
    on customers.acquired_on = dates.date_day
left join customer_values
    on customers.customer_id = customer_values.customer_id
left join stages
    on customers.customer_id = stages.customer_id
