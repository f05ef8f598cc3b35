with

expected as (

    select
        targets.kpi,
        targets.basis,
        targets.period_grain,
        targets.target,
        targets.direction,
        targets.watch,
        count(periods.period_start) as periods

    from {{ ref('kpi_targets') }} as targets
    left join {{ ref('int_periods_spined') }} as periods
        on targets.period_grain = periods.period_grain
    group by
        targets.kpi,
        targets.basis,
        targets.period_grain,
        targets.target,
        targets.direction,
        targets.watch

),

scorecard as (

    select
        kpi,
        basis,
        period_grain,
        count(*) as row_count,
        count(period_start) as periods,
        sum(case when is_latest then 1 else 0 end) as latest_rows,
        min(target) as target,
        min(direction) as direction,
        min(watch) as watch

    from {{ ref('rpt_scorecard') }}
    where segment_name = 'all'
    group by kpi, basis, period_grain

)

select
    expected.*,
    scorecard.row_count,
    scorecard.latest_rows

from expected
left join scorecard
    on
        expected.kpi = scorecard.kpi
        and expected.basis = scorecard.basis
        and expected.period_grain = scorecard.period_grain
where
    scorecard.row_count is null
    or scorecard.row_count <> greatest(expected.periods, 1)
    or scorecard.periods <> expected.periods
    or scorecard.latest_rows > 1
    or expected.target is distinct from scorecard.target
    or expected.direction is distinct from scorecard.direction
    or expected.watch is distinct from scorecard.watch
