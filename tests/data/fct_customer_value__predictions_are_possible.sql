{#- nan and infinity are larger than every number. -#}
{%- set amounts = [
    'expected_orders_30d',
    'expected_orders_90d',
    'expected_orders_365d',
    'expected_order_value',
    'predicted_order_value',
    'predicted_subscription_value',
    'predicted_clv',
] -%}

select
    customer_id,
    p_alive,
    expected_orders_365d,
    predicted_clv,
    unscored_reason

from {{ ref('fct_customer_value') }}
where
    p_alive < 0
    or p_alive > 1
    {%- for amount in amounts %}
    or {{ amount }} < 0
    or {{ amount }} > 1e15
    {%- endfor %}
    or expected_orders_30d > expected_orders_90d
    or expected_orders_90d > expected_orders_365d
    or (p_alive is null) <> (model is null)
    or (predicted_clv is null) <> (unscored_reason is not null)
    or predicted_clv
    <> coalesce(predicted_order_value, 0) + coalesce(predicted_subscription_value, 0)
