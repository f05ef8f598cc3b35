with

forecasts as (

    select * from {{ ref('int_clv_models_compared') }}

)

select
    model,
    cast({{ var('clv_holdout_days') }} as bigint) as horizon_days,
    customers,
    actual_purchases,
    predicted_purchases,
    mae,
    rmse,
    bias,
    is_champion

from forecasts
