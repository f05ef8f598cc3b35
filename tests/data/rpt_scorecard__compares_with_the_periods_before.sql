with

-- Cohorts of another age have another value, so it is no change.
totals as (

    select
        *,
        is_complete
        and not is_left_truncated
        and kpi not in ('clv_per_customer', 'clv_to_cac') as is_comparable,
        lag(value) over (
            partition by kpi, basis, period_grain order by period_start
        ) as value_before,
        lag(is_complete and not is_left_truncated) over (
            partition by kpi, basis, period_grain order by period_start
        ) as is_comparable_before

    from {{ ref('rpt_scorecard') }}
    where segment_name = 'all'

)

-- The total has every period, so the row before is the period before.
select
    kpi,
    basis,
    period_grain,
    period_start,
    value,
    previous_value as compared_with,
    value_before,
    change_from_previous as change

from totals
where
    previous_value is distinct from value_before
    or change_from_previous is distinct from case
        when is_comparable and is_comparable_before
            then value - value_before
    end

union all

-- Weeks are left out: a year is no whole number of weeks.
select
    totals.kpi,
    totals.basis,
    totals.period_grain,
    totals.period_start,
    totals.value,
    totals.value_a_year_before as compared_with,
    earlier.value as value_before,
    totals.change_in_a_year as change

from totals
left join totals as earlier
    on
        totals.kpi = earlier.kpi
        and totals.basis = earlier.basis
        and totals.period_grain = earlier.period_grain
        and {{ dbt.dateadd('year', -1, 'totals.period_start') }} = earlier.period_start
where
    totals.period_grain <> 'week'
    and (
        totals.value_a_year_before is distinct from earlier.value
        or totals.change_in_a_year is distinct from case
            when totals.is_comparable and earlier.is_comparable
                then totals.value - earlier.value
        end
    )
