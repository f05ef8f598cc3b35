{%- set horizons = [1, 7, 14, 30] -%}
{%- set a_curve
    = 'partition by segment_name, segment_value, period_grain, cohort_start, milestone' -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

first_times as (

    select
        milestone,
        min(reached_on) as first_reached_on
    from {{ ref('int_milestones_aggregated_to_customers') }}
    group by milestone

),

curves as (

    select * from {{ ref('int_milestones_aggregated_to_curves') }}

),

-- At risk at a duration is who reaches the milestone then or later, or has been watched so long.
with_at_risk as (

    select
        *,
        sum(events + censored) over (
            {{ a_curve }}
            order by duration desc
            rows between unbounded preceding and current row
        ) as at_risk,
        min(cohort_start) over (partition by segment_name, segment_value, milestone)
            as first_cohort_start

    from curves

),

-- The sums are free of the order of rows, so that the curve never rises by a rounding.
with_steps as (

    select
        *,
        cast(
            case when events < at_risk then ln(1 - cast(events as double) / at_risk) end
            as decimal(38, 20)
        ) as log_step,
        {{ safe_divide('events', 'cast(at_risk as double) * (at_risk - events)') }}
            as greenwood_step,
        case when events > 0 and events = at_risk then 1 else 0 end as is_last_step

    from with_at_risk

),

-- Half have reached it where the survival is one half. It may be off by its last digit.
with_halves as (

    select
        *,
        max(is_last_step) over so_far = 1
        or round(exp(cast(coalesce(sum(log_step) over so_far, 0) as double)), 12) <= 0.5 as is_half

    from with_steps
    window so_far as (
        {{ a_curve }} order by duration rows between unbounded preceding and current row
    )

),

cohorts as (

    select
        segment_name,
        segment_value,
        period_grain,
        cohort_start,
        milestone,
        min(first_cohort_start) as first_cohort_start,
        sum(entered) as customers,
        sum(events) as reached_customers,
        {%- for days in horizons %}
        sum(case when duration >= {{ days }} then entered else 0 end)
            as mature_customers_{{ days }}d,
        sum(case when duration <= {{ days }} then events else 0 end)
            as reached_customers_{{ days }}d,
        sum(case when duration >= {{ days }} then events + censored else 0 end)
            as watched_{{ days }}d,
        max(case when duration <= {{ days }} then is_last_step else 0 end) as is_over_{{ days }}d,
        coalesce(sum(case when duration <= {{ days }} then log_step end), 0)
            as log_survival_{{ days }}d,
        {{ order_free_sum('case when duration <= ' ~ days ~ ' then greenwood_step end', 20) }}
            as greenwood_sum_{{ days }}d,
        {%- endfor %}
        min(case when is_half then duration end) as median_days

    from with_halves
    group by segment_name, segment_value, period_grain, cohort_start, milestone

),

-- Where nobody is left to watch before all have reached it, the curve does not go so far.
with_survival as (

    select
        *,
        {%- for days in horizons %}
        case
            when is_over_{{ days }}d = 1 then 0
            when watched_{{ days }}d > 0 then exp(cast(log_survival_{{ days }}d as double))
        end as survival_{{ days }}d,
        case when log_survival_{{ days }}d < 0 then cast(log_survival_{{ days }}d as double) end
            as log_survival_inside_{{ days }}d,
        sqrt(cast(greenwood_sum_{{ days }}d as double)) as std_error_{{ days }}d,
        {%- endfor %}
        {{ dbt.dateadd('month', 1, 'cohort_start') }} as cohort_end

    from cohorts

)

select
    cohorts.segment_name,
    cohorts.segment_value,
    cohorts.period_grain,
    cohorts.cohort_start,
    cohorts.milestone,
    cast(cohorts.customers as bigint) as customers,
    cast(cohorts.reached_customers as bigint) as reached_customers,
    cast(cohorts.median_days as bigint) as median_days,
    {%- for days in horizons %}
    {%- set low = log_log_low(
        'cohorts.log_survival_inside_' ~ days ~ 'd', 'cohorts.std_error_' ~ days ~ 'd'
    ) %}
    {%- set high = log_log_high(
        'cohorts.log_survival_inside_' ~ days ~ 'd', 'cohorts.std_error_' ~ days ~ 'd'
    ) %}
    {%- set reached = 'cohorts.reached_customers_' ~ days ~ 'd' %}
    cast(cohorts.mature_customers_{{ days }}d as bigint) as mature_customers_{{ days }}d,
    cast({{ reached }} as bigint) as reached_customers_{{ days }}d,
    1 - cohorts.survival_{{ days }}d as reached_rate_{{ days }}d,
    -- the interval of a curve is unknown where nobody or everybody has reached it
    case
        when cohorts.survival_{{ days }}d = 1 then 0
        when cohorts.survival_{{ days }}d = 0 then {{ wilson_low(reached, reached) }}
        when cohorts.survival_{{ days }}d > 0 then 1 - {{ high }}
    end as reached_ci_low_{{ days }}d,
    case
        when cohorts.survival_{{ days }}d = 0 then 1
        when cohorts.survival_{{ days }}d = 1
            then {{ wilson_high('0', 'cohorts.watched_' ~ days ~ 'd') }}
        when cohorts.survival_{{ days }}d > 0 then 1 - {{ low }}
    end as reached_ci_high_{{ days }}d,
    coalesce(cohorts.cohort_end <= as_of.as_of, false)
    and cohorts.mature_customers_{{ days }}d = cohorts.customers as is_complete_{{ days }}d,
    {%- endfor %}
    coalesce(cohorts.cohort_start, cohorts.first_cohort_start) < first_times.first_reached_on
        as is_left_truncated

from with_survival as cohorts
cross join as_of
inner join first_times
    on cohorts.milestone = first_times.milestone
