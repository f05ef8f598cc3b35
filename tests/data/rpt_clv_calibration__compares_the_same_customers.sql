{#- Counts the customers of the calibration, and their purchase days in the holdout, from the orders. -#}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

buyers as (

    select
        orders.customer_id,
        count(
            distinct case
                when
                    {{ dbt.datediff('orders.order_date', 'as_of.as_of', 'day') }}
                    <= {{ var('clv_holdout_days') }}
                    then orders.order_date
            end
        ) as holdout_purchases,
        max({{ dbt.datediff('orders.order_date', 'as_of.as_of', 'day') }}) as days_since_first

    from {{ ref('fct_orders') }} as orders
    cross join as_of
    where orders.customer_id is not null and orders.subscription_id is null
    group by orders.customer_id

),

expected as (

    select
        count(*) as customers,
        sum(holdout_purchases) as purchases
    from buyers
    where days_since_first > {{ var('clv_holdout_days') }}

)

select
    calibration.model,
    calibration.customers,
    expected.customers as expected_customers,
    calibration.actual_purchases,
    expected.purchases as expected_purchases

from {{ ref('rpt_clv_calibration') }} as calibration
cross join expected
where
    calibration.mae is not null
    and (
        calibration.customers <> expected.customers
        or calibration.actual_purchases <> expected.purchases
    )
