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
        or at_risk - events - censored <> coalesce(next_at_risk, 0)
        or next_survival > survival
        or survival > 1
        or ci_low > survival
        or ci_high < survival
        or (duration > 0 and at_risk = 0)

),

spells as (

    select
        count(*) as spells,
        count(ended_on) as ended_spells
    from {{ ref('fct_subscription_spells') }}

),

totals as (

    select
        time_unit,
        sum(events) as events,
        sum(events + censored) as spells,
        min(duration) as first_duration
    from {{ ref('rpt_subscription_survival') }}
    where segment_name = 'all'
    group by time_unit

),

bad_totals as (

    select
        'all' as segment_name,
        'all' as segment_value,
        totals.time_unit,
        totals.first_duration as duration,
        'does not count every spell' as problem

    from totals
    cross join spells
    where
        totals.spells <> spells.spells
        or totals.events <> spells.ended_spells
        or totals.first_duration <> 0

)

select * from bad_durations

union all

select * from bad_totals
