with

targets as (

    select distinct
        kpi,
        basis,
        period_grain,
        target,
        direction,
        watch
    from {{ ref('rpt_scorecard') }}

),

bases as (

    select 'orders' as basis
    union all
    select 'subscriptions' as basis
    union all
    select 'any' as basis

)

select *
from targets
where
    -- A target needs a direction, and watch a target.
    (direction is null and target is not null)
    or (target is null and watch is not null)
    -- What is to watch has not missed its target yet.
    or (direction = 'at_least' and watch < target)
    or (direction = 'at_most' and watch > target)
    -- Which report has the KPI decides which bases and periods there are.
    or not case
        when kpi in ('retention_rate', 'monthly_equivalent_churn_rate') then period_grain <> 'all'
        when kpi in ('net_revenue_churn_rate', 'nrr_trailing_12m', 'grr_trailing_12m')
            then basis = 'subscriptions' and period_grain = 'month'
        when kpi in ('clv_per_customer', 'clv_to_cac', 'payback_months')
            then basis = 'any' and period_grain <> 'all'
        when kpi in ('reached_rate_7d', 'nps', 'median_first_response_hours')
            then basis = 'any' and period_grain in ('month', 'all')
        when kpi = 'win_back_lift' then basis = 'orders' and period_grain = 'all'
        else basis = 'orders'
    end

union all

-- The bands of rpt_retention_rates come from these three rows of the seed.
select
    'monthly_equivalent_churn_rate' as kpi,
    bases.basis,
    'month' as period_grain,
    targets.target,
    targets.direction,
    targets.watch

from bases
left join targets
    on
        bases.basis = targets.basis
        and targets.kpi = 'monthly_equivalent_churn_rate'
        and targets.period_grain = 'month'
where targets.target is null or targets.watch is null or targets.direction <> 'at_most'
