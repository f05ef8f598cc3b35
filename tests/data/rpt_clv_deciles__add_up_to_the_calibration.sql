with

deciles as (

    select
        model,
        sum(customers) as customers,
        sum(actual_purchases) as actual_purchases,
        sum(predicted_purchases) as predicted_purchases
    from {{ ref('rpt_clv_deciles') }}
    group by model

)

select
    calibration.model,
    calibration.customers,
    deciles.customers as customers_of_deciles

from {{ ref('rpt_clv_calibration') }} as calibration
left join deciles
    on calibration.model = deciles.model
where
    calibration.model <> 'naive'
    and calibration.mae is not null
    and (
        deciles.model is null
        or calibration.customers <> deciles.customers
        or calibration.actual_purchases <> deciles.actual_purchases
        or abs(calibration.predicted_purchases - deciles.predicted_purchases)
        > 1e-6 * calibration.predicted_purchases
    )
