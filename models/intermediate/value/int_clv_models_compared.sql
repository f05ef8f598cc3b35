with

histories as (

    select * from {{ ref('int_purchases_aggregated_to_histories') }}
    where trained_on = 'calibration'

),

scores as (

    select * from {{ ref('int_customers_scored') }}
    where trained_on = 'calibration'

),

-- Only a model that could be fitted to all data can score the customers of today.
fits as (

    select
        model,
        max(case when converged then 1 else 0 end) as is_fitted
    from {{ ref('int_clv_models_fitted') }}
    where trained_on = 'all_data'
    group by model

),

-- The preference decides between models with the same error, and where there is no holdout.
models as (

    select
        'mbg_nbd' as model,
        1 as preference

    union all

    select
        'bg_nbd' as model,
        2 as preference

    union all

    select
        'naive' as model,
        3 as preference

),

-- The naive forecast needs no model: in the holdout customers buy as often as just before it.
forecasts as (

    select
        model,
        later_purchases as actual,
        expected_in_holdout as predicted
    from scores

    union all

    select
        'naive' as model,
        later_purchases as actual,
        cast(recent_purchases as double) as predicted
    from histories

),

totals as (

    select
        model,
        count(*) as customers,
        sum(actual) as actual_purchases,
        {{ order_free_sum('predicted', 12) }} as predicted_purchases,
        {{ order_free_sum('abs(predicted - actual)', 12) }} as absolute_errors,
        {{ order_free_sum('power(predicted - actual, 2)', 12) }} as squared_errors

    from forecasts
    group by model

),

errors as (

    select
        model,
        customers,
        actual_purchases,
        cast(predicted_purchases as double) as predicted_purchases,
        {{ safe_divide('absolute_errors', 'customers') }} as mae,
        sqrt({{ safe_divide('squared_errors', 'customers') }}) as rmse,
        {{ safe_divide('predicted_purchases - actual_purchases', 'customers') }} as bias

    from totals

),

-- The naive forecast is never the champion, because it scores nobody.
ranked as (

    select
        models.model,
        coalesce(errors.customers, 0) as customers,
        errors.actual_purchases,
        errors.predicted_purchases,
        errors.mae,
        errors.rmse,
        errors.bias,
        row_number() over (
            order by
                case when models.model = 'naive' then 1 else 0 end,
                {%- if var('clv_model') != 'champion' %}
                case when models.model = '{{ var("clv_model") }}' then 0 else 1 end,
                {%- endif %}
                coalesce(fits.is_fitted, 0) desc,
                case when errors.mae is null then 1 else 0 end,
                errors.mae,
                models.preference
        ) = 1 as is_champion

    from models
    left join fits
        on models.model = fits.model
    left join errors
        on models.model = errors.model

)

select
    model,
    cast(customers as bigint) as customers,
    cast(actual_purchases as bigint) as actual_purchases,
    predicted_purchases,
    mae,
    rmse,
    bias,
    is_champion

from ranked
