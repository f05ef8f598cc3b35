with

histories as (

    select * from {{ ref('int_purchases_aggregated_to_histories') }}
    where trained_on = 'all_data'

),

fits as (

    select * from {{ ref('int_clv_models_fitted') }}
    where trained_on = 'all_data'

),

champion as (

    select * from {{ ref('int_clv_models_compared') }}
    where is_champion

),

scores as (

    select scores.*

    from {{ ref('int_customers_scored') }} as scores
    inner join champion
        on scores.model = champion.model
    where scores.trained_on = 'all_data'

),

-- One row: why the champion has no scores, or NULL.
champion_fit as (

    select max(fits.model || ': ' || fits.reason) as reason

    from fits
    inner join champion
        on fits.model = champion.model

),

-- One row: the Gamma-Gamma model of what a purchase is worth.
order_value_fit as (

    select
        max(case when parameter = 'p' then value end) as p,
        max(case when parameter = 'q' then value end) as q,
        max(case when parameter = 'v' then value end) as v,
        max(model || ': ' || reason) as reason

    from fits
    where model = 'gamma_gamma'

),

-- The mean of all customers, moved towards the customer's own mean by each repeat purchase: equation
-- 5 of Fader and Hardie 2013. For q <= 1 the mean of all customers is infinite.
with_order_value as (

    select
        histories.*,
        case
            when order_value_fit.p * histories.frequency + order_value_fit.q > 1
                then
                    order_value_fit.p
                    * (
                        order_value_fit.v
                        + histories.frequency
                        * greatest(coalesce(histories.mean_repeat_value, 0), 0)
                    )
                    / (order_value_fit.p * histories.frequency + order_value_fit.q - 1)
        end as expected_order_value

    from histories
    cross join order_value_fit

),

valued as (

    select
        with_order_value.*,
        scores.model,
        scores.p_alive,
        scores.expected_orders_30d,
        scores.expected_orders_90d,
        scores.expected_orders_365d,
        scores.discounted_orders * with_order_value.expected_order_value * {{ var('gross_margin') }}
            as predicted_order_value

    from with_order_value
    left join scores
        on with_order_value.customer_id = scores.customer_id

)

select
    valued.customer_id,
    valued.model,
    valued.frequency,
    valued.recency_days,
    valued.age_days,
    valued.p_alive,
    valued.expected_orders_30d,
    valued.expected_orders_90d,
    valued.expected_orders_365d,
    {{ round_to_cent('valued.expected_order_value') }} as expected_order_value,
    {{ round_to_cent('valued.predicted_order_value') }} as predicted_order_value,
    case
        when valued.predicted_order_value is null
            then coalesce(
                champion_fit.reason,
                order_value_fit.reason,
                'gamma_gamma: the mean over all customers is not finite'
            )
    end as unscored_reason

from valued
cross join champion_fit
cross join order_value_fit
