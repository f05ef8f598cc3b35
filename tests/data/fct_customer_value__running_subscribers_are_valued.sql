select customers.customer_id

from {{ ref('dim_customers') }} as customers
left join {{ ref('fct_customer_value') }} as customer_value
    on customers.customer_id = customer_value.customer_id
where
    customers.is_active_subscriptions
    and customer_value.predicted_subscription_value is null
    and customer_value.unscored_reason is null
