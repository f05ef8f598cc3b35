with

buyers as (

    select * from {{ ref('fct_customer_value') }}
    where frequency is not null

),

fitted_models as (

    select distinct model from {{ ref('rpt_clv_parameters') }}
    where trained_on = 'all_data' and converged

),

-- A model that the var clv_model names scores without a holdout, too. Without a fit no model does.
scorer as (

    select coalesce(max(fitted_models.model), '(none)') as model

    from {{ ref('rpt_clv_calibration') }} as calibration
    inner join fitted_models
        on calibration.model = fitted_models.model
    where calibration.is_champion or calibration.model = '{{ var("clv_model") }}'

)

select
    buyers.customer_id,
    buyers.model,
    scorer.model as expected_model

from buyers
cross join scorer
where coalesce(buyers.model, '(none)') <> scorer.model
