with

histories as (

    select * from {{ ref('int_purchases_aggregated_to_histories') }}
    where trained_on = 'all_data'

),

fits as (

    select * from {{ ref('int_clv_models_fitted') }}
    where trained_on = 'all_data'

),

forecasts as (

    select * from {{ ref('int_clv_models_compared') }}

),

scores as (

    select scores.*

    from {{ ref('int_customers_scored') }} as scores
    inner join forecasts
        on scores.model = forecasts.model
    where scores.trained_on = 'all_data' and forecasts.is_scorer

),

-- One row: why no model scores the buyers, or NULL.
purchase_fit as (

    select max(unscored_reason) as reason from forecasts

),

-- One row: the Gamma-Gamma model of what a purchase is worth.
order_value_fit as (

    select
        max(case when parameter = 'p' then value end) as p,
        max(case when parameter = 'q' then value end) as q,
        max(case when parameter = 'v' then value end) as v,
        max(case when parameter = 'mean' then value end) as mean_value,
        max(case when parameter = 'own_share' then value end) as own_share,
        max('values of orders are not predicted (gamma_gamma): ' || reason) as reason

    from fits
    where model = 'gamma_gamma'

),

-- The mean of all customers, moved towards the customer's own mean by each repeat purchase: equation
-- 5 of Fader and Hardie 2013. For q <= 1 the mean of all customers is infinite. Where the data are
-- simpler than the model, the own mean counts with its share.
with_order_value as (

    select
        histories.*,
        case
            when histories.frequency > 0 and order_value_fit.own_share > 0
                then
                    order_value_fit.mean_value
                    + order_value_fit.own_share
                    * (greatest(histories.mean_repeat_value, 0) - order_value_fit.mean_value)
            when order_value_fit.mean_value is not null then order_value_fit.mean_value
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
                purchase_fit.reason,
                order_value_fit.reason,
                'values of orders are not predicted (gamma_gamma): they differ so widely that'
                || ' after so few purchases no mean is finite. Check the largest amounts, or wait'
                || ' for more data'
            )
    end as unscored_reason

from valued
cross join purchase_fit
cross join order_value_fit
