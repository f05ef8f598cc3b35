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

    from {{ ref('int_histories_scored') }} as scores
    inner join champion
        on scores.model = champion.model
    where scores.trained_on = 'all_data'

),

-- why there are no scores, if there are none
champion_fit as (

    select
        fits.model,
        max(fits.model || ': ' || fits.reason) as reason

    from fits
    inner join champion
        on fits.model = champion.model
    group by fits.model

),

spending as (

    select
        max(case when parameter = 'p' then value end) as p,
        max(case when parameter = 'q' then value end) as q,
        max(case when parameter = 'v' then value end) as v,
        max(model || ': ' || reason) as reason

    from fits
    where model = 'gamma_gamma'

),

buyers as (

    select
        histories.customer_id,
        histories.frequency,
        histories.recency_days,
        histories.age_days,
        case when scores.p_alive is not null then champion_fit.model end as model,
        scores.p_alive,
        scores.expected_orders_30d,
        scores.expected_orders_90d,
        scores.expected_orders_365d,
        scores.discounted_orders,
        -- the mean of all customers, moved towards the customer's own (Fader and Hardie 2013, eq. 5)
        case
            when spending.p * histories.frequency + spending.q > 1
                then
                    spending.p
                    * (
                        spending.v
                        + histories.frequency
                        * greatest(coalesce(histories.mean_repeat_value, 0), 0)
                    )
                    / (spending.p * histories.frequency + spending.q - 1)
        end as expected_order_value,
        coalesce(
            champion_fit.reason,
            spending.reason,
            'gamma_gamma: the mean over all customers is not finite'
        ) as reason

    from histories
    cross join champion_fit
    cross join spending
    left join scores
        on
            histories.frequency = scores.frequency
            and histories.recency_days = scores.recency_days
            and histories.age_days = scores.age_days

),

running_spells as (

    select
        spells.customer_id,
        spells.billing_interval,
        spells.renewals,
        spells.months_per_interval

    from {{ ref('int_spells_counted_in_intervals') }} as spells
    where not spells.is_ended

),

residual_lifetimes as (

    select * from {{ ref('int_renewals_scored') }}

),

last_month as (

    select max(month) as month
    from {{ ref('int_subscriptions_aggregated_to_customer_months') }}

),

-- whoever has set an end to a subscription will not renew it
committed_revenue as (

    select
        customer_months.customer_id,
        customer_months.committed_mrr

    from {{ ref('int_subscriptions_aggregated_to_customer_months') }} as customer_months
    inner join last_month
        on customer_months.month = last_month.month

),

-- by the fit of the customer's own billing interval, else by that of all together
subscribers as (

    select
        running_spells.customer_id,
        coalesce(
            max(
                case
                    when running_spells.billing_interval <> 'all'
                        then
                            running_spells.months_per_interval
                            * residual_lifetimes.discounted_intervals
                end
            ),
            max(
                case
                    when running_spells.billing_interval = 'all'
                        then residual_lifetimes.discounted_intervals
                end
            )
        ) as discounted_months,
        max('shifted_beta_geometric: ' || residual_lifetimes.reason) as reason

    from running_spells
    left join residual_lifetimes
        on
            running_spells.billing_interval = residual_lifetimes.billing_interval
            and running_spells.renewals = residual_lifetimes.renewals
    group by running_spells.customer_id

),

valued as (

    select
        coalesce(buyers.customer_id, subscribers.customer_id) as customer_id,
        buyers.frequency,
        buyers.recency_days,
        buyers.age_days,
        buyers.model,
        buyers.p_alive,
        buyers.expected_orders_30d,
        buyers.expected_orders_90d,
        buyers.expected_orders_365d,
        buyers.expected_order_value,
        buyers.discounted_orders * buyers.expected_order_value * {{ var('gross_margin') }}
            as predicted_order_value,
        subscribers.discounted_months * coalesce(committed_revenue.committed_mrr, 0)
        * {{ var('gross_margin') }} as predicted_subscription_value,
        buyers.customer_id is not null as is_buyer,
        subscribers.customer_id is not null as is_subscriber,
        buyers.reason as order_reason,
        subscribers.reason as subscription_reason

    from buyers
    full outer join subscribers
        on buyers.customer_id = subscribers.customer_id
    left join committed_revenue
        on subscribers.customer_id = committed_revenue.customer_id

)

select
    customer_id,
    model,
    frequency,
    recency_days,
    age_days,
    p_alive,
    expected_orders_30d,
    expected_orders_90d,
    expected_orders_365d,
    cast(expected_order_value as decimal(18, 2)) as expected_order_value,
    cast(predicted_order_value as decimal(18, 2)) as predicted_order_value,
    cast(predicted_subscription_value as decimal(18, 2)) as predicted_subscription_value,
    -- unknown as long as one of the parts is
    case
        when
            (not is_buyer or predicted_order_value is not null)
            and (not is_subscriber or predicted_subscription_value is not null)
            then
                coalesce(cast(predicted_order_value as decimal(18, 2)), 0)
                + coalesce(cast(predicted_subscription_value as decimal(18, 2)), 0)
    end as predicted_clv,
    case
        when is_buyer and predicted_order_value is null then order_reason
        when is_subscriber and predicted_subscription_value is null then subscription_reason
    end as unscored_reason

from valued
