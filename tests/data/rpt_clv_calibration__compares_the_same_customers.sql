{#-
    Counts the customers of the calibration, and their purchase days in the holdout, from the orders. So the errors of the
    naive forecast, as many purchases as in the days before, can be counted here too.
-#}
{%- set days_ago = dbt.datediff('orders.order_date', 'as_of.as_of', 'day') -%}
{%- set holdout = var('clv_holdout_days') -%}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

buyers as (

    select
        orders.customer_id,
        count(distinct case when {{ days_ago }} <= {{ holdout }} then orders.order_date end)
            as holdout_purchases,
        count(
            distinct case
                when {{ days_ago }} > {{ holdout }} and {{ days_ago }} <= 2 * {{ holdout }}
                    then orders.order_date
            end
        ) as purchases_before,
        max({{ days_ago }}) as days_since_first

    from {{ ref('fct_orders') }} as orders
    cross join as_of
    where orders.customer_id is not null and orders.subscription_id is null
    group by orders.customer_id

),

-- The first purchase is no repeat.
forecasts as (

    select
        holdout_purchases,
        purchases_before
        - case when days_since_first <= 2 * {{ holdout }} then 1 else 0 end
        - holdout_purchases as error
    from buyers
    where days_since_first > {{ holdout }}

),

expected as (

    select
        count(*) as customers,
        sum(holdout_purchases) as purchases,
        coalesce(sum(abs(error)), 0) as absolute_errors,
        coalesce(sum(error * error), 0) as squared_errors
    from forecasts

)

select
    calibration.model,
    calibration.customers,
    expected.customers as expected_customers,
    calibration.actual_purchases,
    expected.purchases as expected_purchases,
    calibration.mae,
    calibration.rmse,
    expected.absolute_errors,
    expected.squared_errors

from {{ ref('rpt_clv_calibration') }} as calibration
cross join expected
where
    (
        calibration.mae is not null
        and (
            calibration.customers <> expected.customers
            or calibration.actual_purchases <> expected.purchases
        )
    )
    or (calibration.mae is null) <> (calibration.rmse is null)
    -- The root of a mean of squares is never less than the mean.
    or power(calibration.rmse, 2) < power(calibration.mae, 2) * (1 - 1e-12) - 1e-11
    or (
        calibration.model = 'naive'
        and (
            (calibration.mae is null) <> (expected.customers = 0)
            or abs(calibration.mae * expected.customers - expected.absolute_errors)
            > 1e-9 * (1 + expected.absolute_errors)
            or abs(power(calibration.rmse, 2) * expected.customers - expected.squared_errors)
            > 1e-9 * (1 + expected.squared_errors)
        )
    )
