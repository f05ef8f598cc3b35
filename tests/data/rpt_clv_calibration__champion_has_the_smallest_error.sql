with

calibration as (

    select * from {{ ref('rpt_clv_calibration') }}

),

-- Fitted to all data and to the time before the holdout.
candidates as (

    select
        calibration.model,
        calibration.mae

    from calibration
    inner join {{ ref('rpt_clv_parameters') }} as parameters
        on calibration.model = parameters.model
    where
        calibration.customers > 0
        {%- if var('clv_model') != 'champion' %}
        and calibration.model = '{{ var("clv_model") }}'
        {%- endif %}
    group by calibration.model, calibration.mae
    having
        max(case when parameters.trained_on = 'all_data' and parameters.converged then 1 end) = 1
        and max(case when parameters.trained_on = 'calibration' and parameters.converged then 1 end)
        = 1

),

smallest as (

    select min(mae) as mae from candidates

),

champions as (

    select
        count(*) as champions,
        count(candidates.model) as candidates,
        max(calibration.mae) as mae

    from calibration
    left join candidates
        on calibration.model = candidates.model
    where calibration.is_champion

)

select
    champions.champions,
    champions.candidates,
    champions.mae,
    smallest.mae as smallest_mae

from champions
cross join smallest
where
    champions.champions <> case when smallest.mae is null then 0 else 1 end
    or champions.candidates <> champions.champions
    or champions.mae <> smallest.mae
