with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

spells as (

    select
        spells.customer_id,
        spells.started_on,
        case when spells.ended_on is null then 0 else 1 end as is_event,
        -- a spell that runs has been seen until the last day
        coalesce(spells.ended_on, as_of.last_day) as observed_until

    from {{ ref('fct_subscription_spells') }} as spells
    cross join as_of

),

with_calendar_months as (

    select
        *,
        {{ dbt.datediff('started_on', 'observed_until', 'month') }} as calendar_months

    from spells

),

-- anchored on the start day: the month in which it ends counts, the one that still runs does not
with_durations as (

    select
        *,
        {{ dbt.datediff('started_on', 'observed_until', 'day') }} as days,
        case
            when
                is_event = 1
                and {{ dbt.dateadd('month', 'calendar_months', 'started_on') }} < observed_until
                then calendar_months + 1
            when
                is_event = 0
                and {{ dbt.dateadd('month', 'calendar_months', 'started_on') }} > observed_until
                then calendar_months - 1
            else calendar_months
        end as months

    from with_calendar_months

),

durations as (

    select
        customer_id,
        is_event,
        'day' as time_unit,
        days as duration
    from with_durations

    union all

    select
        customer_id,
        is_event,
        'month' as time_unit,
        months as duration
    from with_durations

),

observed as (

    select
        {{ segment_columns() }},
        durations.time_unit,
        durations.duration,
        sum(durations.is_event) as events,
        sum(1 - durations.is_event) as censored

    from durations
    inner join customers
        on durations.customer_id = customers.customer_id
    group by {{ segment_sets(['time_unit', 'duration']) }}

),

curves as (

    select
        segment_name,
        segment_value,
        time_unit,
        max(duration) as longest_duration,
        sum(events + censored) as spells

    from observed
    group by segment_name, segment_value, time_unit

),

timeline as (

    -- nothing lasts longer than the days there are
    select row_number() over (order by date_day) - 1 as duration
    from {{ ref('int_days_spined') }}

),

-- every duration up to the longest, also those at which nothing happens
every_duration as (

    select
        curves.segment_name,
        curves.segment_value,
        curves.time_unit,
        curves.longest_duration,
        timeline.duration,
        coalesce(observed.events, 0) as events,
        coalesce(observed.censored, 0) as censored,
        curves.spells - coalesce(
            sum(observed.events + observed.censored) over (
                partition by curves.segment_name, curves.segment_value, curves.time_unit
                order by timeline.duration
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as at_risk

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

-- sums of decimals: the same whatever the order, so that the curve never rises by a rounding
with_sums as (

    select
        *,
        sum(
            cast(
                case when events < at_risk then ln(1 - cast(events as double) / at_risk) end
                as decimal(38, 20)
            )
        ) over a_curve as log_survival,
        sum(
            cast(
                {{ safe_divide('events', 'cast(at_risk as double) * (at_risk - events)') }}
                as decimal(38, 20)
            )
        ) over a_curve as greenwood_sum

    from every_duration
    window a_curve as (
        partition by segment_name, segment_value, time_unit
        order by duration
        rows between unbounded preceding and current row
    )

),

with_survival as (

    select
        *,
        -- when all who are left leave, nothing is left, and no error is known
        case when events = at_risk then 0 else exp(cast(log_survival as double)) end as survival,
        case when log_survival < 0 then cast(log_survival as double) end as log_survival_inside,
        case when events < at_risk then sqrt(cast(greenwood_sum as double)) end
            as std_error_of_log

    from with_sums

),

with_summaries as (

    select
        *,
        -- a survival of one half may be off by its last digit
        min(case when round(survival, 12) <= 0.5 then duration end) over (
            partition by segment_name, segment_value, time_unit
        ) as median_duration,
        sum(case when duration < longest_duration then cast(survival as decimal(38, 20)) end) over (
            partition by segment_name, segment_value, time_unit
        ) as restricted_mean_duration

    from with_survival

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
    coalesce(cast(restricted_mean_duration as double), 0) as restricted_mean_duration

from with_summaries
