with

-- How many answers, tickets or customers (of the smaller arm) a value is made of.
samples as (

    select
        'nps' as kpi,
        period_grain,
        period_start,
        segment_name,
        segment_value,
        nullif(nps_answers, 0) as sample_size
    from {{ ref('rpt_feedback') }}

    union all

    select
        'median_first_response_hours' as kpi,
        period_grain,
        period_start,
        'all' as segment_name,
        'all' as segment_value,
        tickets as sample_size
    from {{ ref('rpt_support') }}
    where channel = 'all'

    union all

    select
        'win_back_lift' as kpi,
        period_grain,
        month as period_start,
        segment_name,
        segment_value,
        least(treated, held_out) as sample_size
    from {{ ref('rpt_play_results') }}
    where play_id = 'win_back_buyers'

),

-- How far the value could be on each side: the ends of the interval, or the value itself.
scorecard as (

    select
        scorecard.*,
        coalesce(scorecard.ci_low, scorecard.value, scorecard.ci_high) as lowest,
        case
            when scorecard.value is null then null
            else coalesce(scorecard.ci_high, scorecard.value)
        end as highest,
        scorecard.value is null and scorecard.ci_low is null as is_empty,
        coalesce(samples.sample_size < 10, false) as is_small

    from {{ ref('rpt_scorecard') }} as scorecard
    left join samples
        on
            scorecard.kpi = samples.kpi
            and scorecard.period_grain = samples.period_grain
            and scorecard.period_start is not distinct from samples.period_start
            and scorecard.segment_name = samples.segment_name
            and scorecard.segment_value = samples.segment_value

)

select
    kpi,
    basis,
    period_grain,
    period_start,
    segment_value,
    value,
    ci_low,
    ci_high,
    target,
    direction,
    status,
    is_complete,
    is_left_truncated

from scorecard
where
    ci_low > value + 1e-9
    or ci_high < value - 1e-9
    or (target is null) <> (status is null)
    or (target is not null and is_empty <> (status = 'no_data') and not is_small)
    -- Chance makes much of a few, and more of them are to come.
    or (target is not null and is_small and status <> 'too_early')
    -- A period that will change, or is cut off, is not judged.
    or (status in ('met', 'missed') and (not is_complete or is_left_truncated))
    -- Praise holds for the worst end of the interval, and blame for the best.
    or (status = 'met' and direction = 'at_least' and coalesce(lowest < target, true))
    or (status = 'met' and direction = 'at_most' and coalesce(highest > target, true))
    or (status = 'missed' and direction = 'at_least' and coalesce(highest >= target, true))
    or (status = 'missed' and direction = 'at_most' and coalesce(lowest <= target, true))
    or (
        status = 'too_early'
        and is_complete
        and not is_left_truncated
        and not is_small
        and (lowest > target or highest < target or lowest = highest)
        -- answers of one kind have no interval
        and not (kpi = 'nps' and ci_low is null)
    )
    or (kpi = 'nps' and ci_low is null and status in ('met', 'missed'))
