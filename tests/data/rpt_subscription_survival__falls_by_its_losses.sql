{#- From one duration to the next, curve and error follow from those at risk and those who left. -#}
with

curves as (

    select
        *,
        power({{ safe_divide('std_error', 'survival') }}, 2) as variance,
        coalesce({{ safe_divide('events', 'at_risk') }}, 0) as share_lost,
        coalesce(
            {{ safe_divide('events', 'cast(at_risk as double) * (at_risk - events)') }}, 0
        ) as variance_added

    from {{ ref('rpt_subscription_survival') }}

),

steps as (

    select
        *,
        coalesce(lag(survival) over a_curve, 1) as survival_before,
        coalesce(lag(variance) over a_curve, 0) as variance_before

    from curves
    window a_curve as (partition by segment_name, segment_value, time_unit order by duration)

)

select
    segment_name,
    segment_value,
    time_unit,
    duration,
    survival,
    survival_before,
    std_error,
    median_duration

from steps
where
    abs(survival - survival_before * (1 - share_lost)) > 1e-12
    or (std_error is null) <> (survival = 0)
    or (
        survival > 0
        and abs(variance - variance_before - variance_added) > 1e-12 * variance + 1e-18
    )
    -- The median is the first duration that half or fewer survive.
    or (duration = median_duration and round(survival, 12) > 0.5)
    or (duration < median_duration and round(survival, 12) <= 0.5)
    or (median_duration is null and round(survival, 12) <= 0.5)
    or median_duration > restricted_mean_until
