with

histories as (

    select * from {{ ref('int_purchases_aggregated_to_histories') }}
    where trained_on = 'calibration'

),

scores as (

    select * from {{ ref('int_customers_scored') }}
    where trained_on = 'calibration'

),

-- A model that was fitted to all data can score the customers of today. Only a model that was fitted
-- to the data before the holdout, too, could be tried there.
fits as (

    select
        model,
        max(case when trained_on = 'all_data' and converged then 1 else 0 end) as is_fitted,
        max(case when trained_on = 'calibration' and converged then 1 else 0 end) as is_tried,
        max(case when trained_on = 'all_data' then reason end) as reason,
        max(case when trained_on = 'calibration' then reason end) as reason_of_trial
    from {{ ref('int_clv_models_fitted') }}
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

-- The naive forecast comes last, because it scores nobody.
ranked as (

    select
        models.model,
        coalesce(errors.customers, 0) as customers,
        errors.actual_purchases,
        errors.predicted_purchases,
        errors.mae,
        errors.rmse,
        errors.bias,
        coalesce(fits.is_fitted, 0) = 1 as is_fitted,
        coalesce(fits.is_tried, 0) = 1 and errors.customers > 0 as is_tried,
        fits.reason,
        fits.reason_of_trial,
        row_number() over (
            order by
                case when models.model = 'naive' then 1 else 0 end,
                {%- if var('clv_model') != 'champion' %}
                case when models.model = '{{ var("clv_model") }}' then 0 else 1 end,
                {%- endif %}
                coalesce(fits.is_fitted, 0) desc,
                coalesce(fits.is_tried, 0) desc,
                case when errors.mae is null then 1 else 0 end,
                errors.mae,
                models.preference
        ) = 1 as is_first

    from models
    left join fits
        on models.model = fits.model
    left join errors
        on models.model = errors.model

)

-- The first one is the champion if it was tried. Whoever names a model wants it to score untried.
select
    model,
    cast(customers as bigint) as customers,
    cast(actual_purchases as bigint) as actual_purchases,
    predicted_purchases,
    mae,
    rmse,
    bias,
    is_first and is_fitted and is_tried as is_champion,
    is_first and is_fitted{{ " and is_tried" if var('clv_model') == 'champion' }} as is_scorer,
    case
        when not is_first then null
        when not is_fitted then 'purchases are not predicted (' || model || '): ' || reason
        {%- if var('clv_model') == 'champion' %}
        when not is_tried
            then
                'purchases are not predicted, since no model could be tried on the last'
                || ' {{ var("clv_holdout_days") }} days. Fitted to the time before ('
                || model || '): ' || reason_of_trial
                || '. Or shorten clv_holdout_days, or name an untried model in clv_model (vars)'
        {%- endif %}
    end as unscored_reason

from ranked
