with

buyers as (

    select * from {{ ref('int_buyers_valued') }}

),

subscribers as (

    select * from {{ ref('int_subscribers_valued') }}

)

select
    coalesce(buyers.customer_id, subscribers.customer_id) as customer_id,
    buyers.model,
    buyers.frequency,
    buyers.recency_days,
    buyers.age_days,
    buyers.p_alive,
    buyers.expected_orders_30d,
    buyers.expected_orders_90d,
    buyers.expected_orders_365d,
    buyers.expected_order_value,
    buyers.predicted_order_value,
    subscribers.predicted_subscription_value,
    -- the whole is unknown while a part that the customer has is unknown
    case
        when
            (buyers.customer_id is null or buyers.predicted_order_value is not null)
            and (
                subscribers.customer_id is null
                or subscribers.predicted_subscription_value is not null
            )
            then
                cast(
                    coalesce(buyers.predicted_order_value, 0)
                    + coalesce(subscribers.predicted_subscription_value, 0) as decimal(18, 2)
                )
    end as predicted_clv,
    nullif(concat_ws('; ', buyers.unscored_reason, subscribers.unscored_reason), '')
        as unscored_reason

from buyers
full outer join subscribers
    on buyers.customer_id = subscribers.customer_id
