with

calibration as (

    select * from {{ ref('rpt_clv_calibration') }}

),

fitted_models as (

    select distinct model from {{ ref('rpt_clv_parameters') }}
    where trained_on = 'all_data' and converged

),

champion as (

    select
        calibration.model,
        calibration.mae,
        fitted_models.model is not null as is_fitted

    from calibration
    left join fitted_models
        on calibration.model = fitted_models.model
    where calibration.is_champion

)

select
    calibration.model,
    calibration.mae,
    champion.model as champion,
    champion.mae as mae_of_champion

from calibration
inner join fitted_models
    on calibration.model = fitted_models.model
cross join champion
where
    '{{ var("clv_model") }}' = 'champion'
    and (
        not champion.is_fitted
        or calibration.mae < champion.mae
        or (calibration.mae is not null and champion.mae is null)
    )
