with

customers as (

    select * from {{ ref('dim_customers') }}
    where acquired_on is not null

),

customer_values as (

    select * from {{ ref('int_customers_valued') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    customers.customer_id,
    customer_values.model,
    customer_values.unscored_reason,
    customer_values.frequency,
    customer_values.recency_days,
    customer_values.age_days,
    customer_values.p_alive,
    customer_values.expected_orders_30d,
    customer_values.expected_orders_90d,
    customer_values.expected_orders_365d,
    customer_values.expected_order_value,
    customers.lifetime_net_revenue as historic_net_revenue,
    cast(
        customers.lifetime_net_revenue * {{ var('gross_margin') }} as decimal(18, 2)
    ) as historic_margin,
    customers.lifetime_recurring_revenue as historic_recurring_revenue,
    customer_values.predicted_order_value,
    customer_values.predicted_subscription_value,
    -- a customer who has left has no row of values: nothing is to come
    case
        when customer_values.customer_id is null then 0
        else customer_values.predicted_clv
    end as predicted_clv,
    customers.acquired_on,
    customers.first_order_date,
    as_of.as_of

from customers
cross join as_of
left join customer_values
    on customers.customer_id = customer_values.customer_id
