with

fits as (

    select * from {{ ref('int_clv_models_fitted') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    fits.trained_on,
    fits.model,
    fits.billing_interval,
    fits.parameter,
    fits.value,
    fits.log_likelihood,
    fits.customers,
    fits.converged,
    fits.reason,
    case
        when fits.trained_on = 'calibration'
            then cast(
                {{ dbt.dateadd('day', '-' ~ var('clv_holdout_days'), 'as_of.last_day') }} as date
            )
        else as_of.last_day
    end as fitted_through

from fits
cross join as_of
