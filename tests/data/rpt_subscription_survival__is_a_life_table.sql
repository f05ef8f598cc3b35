{%- set observed_from = var('subscriptions_observed_from') -%}

with

curves as (

    select
        *,
        lead(duration) over a_curve as next_duration,
        lead(at_risk) over a_curve as next_at_risk,
        lead(survival) over a_curve as next_survival

    from {{ ref('rpt_subscription_survival') }}
    window a_curve as (partition by segment_name, segment_value, time_unit order by duration)

),

-- Spells that enter late add to those at risk, so an equation becomes a bound.
bad_durations as (

    select
        segment_name,
        segment_value,
        time_unit,
        duration,
        'does not follow from the duration before' as problem

    from curves
    where
        coalesce(next_duration, duration + 1) <> duration + 1
        -- Nobody is at risk after the last duration.
        or at_risk - events - censored > coalesce(next_at_risk, 0)
        or at_risk - events - censored < {{ '0' if observed_from else 'coalesce(next_at_risk, 0)' }}
        or next_survival > survival
        or survival > 1
        or ci_low > survival
        or ci_high < survival
        or (duration > 0 and at_risk = 0 and {{ 'false' if observed_from else 'true' }})

),

-- With both values of merges_apply, survival is that of the customers of today.
spells_of_today as (

    select * from {{ ref('int_subscriptions_merged_to_spells') }}
    where customer_id not in (select customer_id from {{ ref('int_customers_until_a_merge') }})

),

-- A spell is at risk from the day of its start, or from the day after it was first observed.
observed_spells as (

    select
        spells.ended_on,
        coalesce(spells.ended_on, as_of.last_day) as last_day_at_risk,
        {%- if observed_from %}
        case
            when spells.started_on < date '{{ observed_from }}'
                then cast({{ dbt.dateadd('day', 1, "date '" ~ observed_from ~ "'") }} as date)
            else spells.started_on
        end as first_day_at_risk
        {%- else %}
        spells.started_on as first_day_at_risk
        {%- endif %}

    from spells_of_today as spells
    cross join {{ ref('int_as_of') }} as as_of

),

spells as (

    select
        count(*) as spells,
        count(ended_on) as ended_spells,
        sum({{ dbt.datediff('first_day_at_risk', 'last_day_at_risk', 'day') }} + 1) as days_at_risk
    from observed_spells
    where first_day_at_risk <= last_day_at_risk

),

totals as (

    select
        time_unit,
        sum(events) as events,
        sum(events + censored) as spells,
        sum(at_risk) as durations_at_risk,
        min(duration) as first_duration
    from {{ ref('rpt_subscription_survival') }}
    where segment_name = 'all'
    group by time_unit

),

units as (

    select 'day' as time_unit

    union all

    select 'month' as time_unit

),

-- A unit that the report lacks holds no spell. A spell that is observed for a part of a month only is in the curve of days
-- alone.
bad_totals as (

    select
        'all' as segment_name,
        'all' as segment_value,
        units.time_unit,
        totals.first_duration as duration,
        'does not count every spell' as problem

    from units
    cross join spells
    left join totals
        on units.time_unit = totals.time_unit
    where
        (
            (units.time_unit = 'day' or {{ 'false' if observed_from else 'true' }})
            and (
                coalesce(totals.spells, 0) <> spells.spells
                or coalesce(totals.events, 0) <> spells.ended_spells
            )
        )
        or totals.spells > spells.spells
        or totals.events > spells.ended_spells
        or (
            units.time_unit = 'day'
            and coalesce(totals.durations_at_risk, 0) <> coalesce(spells.days_at_risk, 0)
        )
        or totals.first_duration <> 0

),

means as (

    select
        segment_name,
        segment_value,
        time_unit,
        max(duration) as longest_duration,
        min(max(duration)) over (partition by time_unit) as common_duration,
        min(restricted_mean_until) as restricted_mean_until,
        min(common_until) as common_until,
        min(restricted_mean_duration) as restricted_mean_duration,
        min(restricted_mean_common) as restricted_mean_common,
        coalesce(sum(case when duration < restricted_mean_until then survival end), 0) as area,
        coalesce(sum(case when duration < common_until then survival end), 0) as common_area

    from {{ ref('rpt_subscription_survival') }}
    group by segment_name, segment_value, time_unit

),

bad_means as (

    select
        segment_name,
        segment_value,
        time_unit,
        longest_duration as duration,
        'has a mean of another stretch' as problem

    from means
    where
        restricted_mean_until <> longest_duration
        or common_until <> common_duration
        or abs(restricted_mean_duration - area) > 1e-6
        or abs(restricted_mean_common - common_area) > 1e-6

)

select * from bad_durations

union all

select * from bad_totals

union all

select * from bad_means
