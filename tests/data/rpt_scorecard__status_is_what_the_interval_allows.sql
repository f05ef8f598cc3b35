with

-- How far the value could be on each side: the ends of the interval, or the value itself.
scorecard as (

    select
        *,
        coalesce(ci_low, value, ci_high) as lowest,
        case when value is null then null else coalesce(ci_high, value) end as highest,
        value is null and ci_low is null as is_empty

    from {{ ref('rpt_scorecard') }}

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
    or (target is not null and is_empty <> (status = 'no_data'))
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
        and (lowest > target or highest < target or lowest = highest)
        -- answers of one kind have no interval
        and not (kpi = 'nps' and ci_low is null)
    )
    or (kpi = 'nps' and ci_low is null and status in ('met', 'missed'))
