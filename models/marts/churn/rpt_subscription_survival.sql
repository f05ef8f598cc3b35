with

customers as (

    select * from {{ ref('dim_customers') }}

),

spells as (

    select * from {{ ref('int_spells_measured') }}

),

-- An end counts the month in which it falls. A running spell counts the months that are over.
durations as (

    select
        customer_id,
        case when is_ended then 1 else 0 end as is_event,
        'day' as time_unit,
        days_before_entry as entered_after,
        days_lasted as duration
    from spells

    union all

    select
        customer_id,
        case when is_ended then 1 else 0 end as is_event,
        'month' as time_unit,
        months_before_entry as entered_after,
        case
            when is_ended and not is_whole_months then whole_months_lasted + 1
            else whole_months_lasted
        end as duration
    from spells

),

-- A spell is at risk at the durations after its entry. One that left before was never at risk.
seen as (

    select
        *,
        coalesce(entered_after + 1, 0) as first_at_risk
    from durations
    where duration >= coalesce(entered_after + 1, 0)

),

changes as (

    select
        customer_id,
        time_unit,
        first_at_risk as duration,
        1 as entered,
        0 as events,
        0 as censored
    from seen

    union all

    select
        customer_id,
        time_unit,
        duration,
        0 as entered,
        is_event as events,
        1 - is_event as censored
    from seen

),

observed as (

    select
        {{ segment_columns() }},
        changes.time_unit,
        changes.duration,
        sum(changes.entered) as entered,
        sum(changes.events) as events,
        sum(changes.censored) as censored

    from changes
    inner join customers
        on changes.customer_id = customers.customer_id
    group by {{ segment_sets(['time_unit', 'duration']) }}

),

curves as (

    select
        segment_name,
        segment_value,
        time_unit,
        max(duration) as longest_duration,
        min(max(duration)) over (partition by time_unit) as common_duration

    from observed
    group by segment_name, segment_value, time_unit

),

-- No duration is longer than the number of days there are.
timeline as (

    select row_number() over (order by date_day) - 1 as duration
    from {{ ref('int_days_spined') }}

),

-- Every duration up to the longest, also the durations at which nothing happens.
every_duration as (

    select
        curves.segment_name,
        curves.segment_value,
        curves.time_unit,
        curves.longest_duration,
        curves.common_duration,
        timeline.duration,
        coalesce(observed.events, 0) as events,
        coalesce(observed.censored, 0) as censored,
        sum(coalesce(observed.entered - observed.events - observed.censored, 0)) over (
            partition by curves.segment_name, curves.segment_value, curves.time_unit
            order by timeline.duration
            rows between unbounded preceding and current row
        ) + coalesce(observed.events + observed.censored, 0) as at_risk

    from curves
    inner join timeline
        on curves.longest_duration >= timeline.duration
    left join observed
        on
            curves.segment_name = observed.segment_name
            and curves.segment_value = observed.segment_value
            and curves.time_unit = observed.time_unit
            and timeline.duration = observed.duration

),

-- The sums are free of the order of rows, so that the curve never rises by a rounding. Late entries
-- can fill a risk set that was empty, so the curve remembers that all who were at risk have left.
with_sums as (

    select
        *,
        coalesce({{ order_free_sum(
            'case when events < at_risk then ln(1 - cast(events as double) / at_risk) end', 20
        ) }} over a_curve, 0) as log_survival,
        coalesce({{ order_free_sum(
            safe_divide('events', 'cast(at_risk as double) * (at_risk - events)'), 20
        ) }} over a_curve, 0) as greenwood_sum,
        max(case when events > 0 and events = at_risk then 1 else 0 end) over a_curve as is_over

    from every_duration
    window a_curve as (
        partition by segment_name, segment_value, time_unit
        order by duration
        rows between unbounded preceding and current row
    )

),

-- Where all who are left leave, survival is 0 and its error is not known.
with_survival as (

    select
        *,
        case when is_over = 1 then 0 else exp(cast(log_survival as double)) end as survival,
        case when log_survival < 0 then cast(log_survival as double) end as log_survival_inside,
        case when is_over = 0 then sqrt(cast(greenwood_sum as double)) end as std_error_of_log

    from with_sums

),

-- A survival of one half may be off by its last digit, so it is rounded before it is compared.
with_summaries as (

    select
        *,
        min(case when round(survival, 12) <= 0.5 then duration end) over a_curve
            as median_duration,
        {{ order_free_sum('case when duration < longest_duration then survival end', 20) }}
            over a_curve as restricted_mean_duration,
        {{ order_free_sum('case when duration < common_duration then survival end', 20) }}
            over a_curve as restricted_mean_common

    from with_survival
    window a_curve as (partition by segment_name, segment_value, time_unit)

)

select
    segment_name,
    segment_value,
    time_unit,
    cast(duration as bigint) as duration,
    cast(at_risk as bigint) as at_risk,
    cast(events as bigint) as events,
    cast(censored as bigint) as censored,
    cast(survival as double) as survival,
    survival * std_error_of_log as std_error,
    {{ log_log_low('log_survival_inside', 'std_error_of_log') }} as ci_low,
    {{ log_log_high('log_survival_inside', 'std_error_of_log') }} as ci_high,
    {{ safe_divide('events', 'at_risk') }} as hazard,
    cast(median_duration as bigint) as median_duration,
    coalesce(cast(restricted_mean_duration as double), 0) as restricted_mean_duration,
    cast(longest_duration as bigint) as restricted_mean_until,
    coalesce(cast(restricted_mean_common as double), 0) as restricted_mean_common,
    cast(common_duration as bigint) as common_until

from with_summaries
