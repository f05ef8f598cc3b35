with

histories as (

    select * from {{ ref('int_purchases_aggregated_to_histories') }}

),

scores as (

    select * from {{ ref('int_histories_scored') }}

)

select
    histories.trained_on,
    scores.model,
    histories.customer_id,
    scores.p_alive,
    scores.expected_orders_30d,
    scores.expected_orders_90d,
    scores.expected_orders_365d,
    scores.discounted_orders,
    scores.expected_in_holdout,
    histories.later_purchases

from histories
inner join scores
    on
        histories.trained_on = scores.trained_on
        and histories.frequency = scores.frequency
        and histories.recency_days = scores.recency_days
        and histories.age_days = scores.age_days
