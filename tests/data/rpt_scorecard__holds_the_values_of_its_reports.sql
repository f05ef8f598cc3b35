{%- set columns_of_reports = {
    'rpt_retention_rates': ['retention_rate', 'monthly_equivalent_churn_rate'],
    'rpt_mrr': ['net_revenue_churn_rate', 'nrr_trailing_12m', 'grr_trailing_12m'],
    'rpt_repeat_purchase': [
        'repeat_rate_90d', 'purchase_frequency', 'average_order_value', 'top_decile_spend_multiple'
    ],
    'rpt_clv_by_cohort': ['clv_per_customer', 'clv_to_cac', 'payback_months'],
    'rpt_onboarding': ['reached_rate_7d'],
    'rpt_feedback': ['nps'],
    'rpt_support': ['median_first_response_hours'],
    'rpt_play_results': ['win_back_lift'],
} -%}
{%- set names = {
    'rpt_retention_rates':
        'basis, period_grain, period_start, is_left_truncated, segment_name, segment_value',
    'rpt_mrr': "'subscriptions', 'month', month, is_left_truncated, segment_name, segment_value",
    'rpt_repeat_purchase':
        "'orders', period_grain, cohort_start, false, segment_name, segment_value",
    'rpt_clv_by_cohort': "'any', period_grain, cohort_start, false, segment_name, segment_value",
    'rpt_onboarding':
        "'any', period_grain, cohort_start, is_left_truncated, segment_name, segment_value",
    'rpt_feedback': "'any', period_grain, period_start, false, segment_name, segment_value",
    'rpt_support': "'any', period_grain, period_start, false, 'all', 'all'",
    'rpt_play_results': "'orders', period_grain, month, false, segment_name, segment_value",
} -%}
{%- set rows_of_reports = {
    'rpt_onboarding': "milestone = 'any'", 'rpt_support': "channel = 'all'",
    'rpt_play_results': "play_id = 'win_back_buyers'",
} -%}

with

reported (
    basis, period_grain, period_start, is_left_truncated, segment_name, segment_value, kpi, value
) as (
    {%- for report, columns in columns_of_reports.items() %}
    {%- set last_report = loop.last %}
    {%- for column in columns %}

    select
        {{ names[report] }},
        '{{ column }}',
        cast({{ {'win_back_lift': 'lift'}.get(column, column) }} as double)
    from {{ ref(report) }}
    where {{ rows_of_reports[report] or 'true' }}

    {{ 'union all' if not (last_report and loop.last) }}
    {%- endfor %}
    {%- endfor %}

),

expected as (

    select reported.*
    from reported
    inner join {{ ref('kpi_targets') }} as targets
        on
            reported.kpi = targets.kpi
            and reported.basis = targets.basis
            and reported.period_grain = targets.period_grain

)

select
    coalesce(expected.kpi, scorecard.kpi) as kpi,
    coalesce(expected.basis, scorecard.basis) as basis,
    coalesce(expected.period_grain, scorecard.period_grain) as period_grain,
    coalesce(expected.period_start, scorecard.period_start) as period_start,
    coalesce(expected.segment_value, scorecard.segment_value) as segment_value,
    expected.value as reported_value,
    scorecard.value

from expected
full outer join {{ ref('rpt_scorecard') }} as scorecard
    on
        expected.kpi = scorecard.kpi
        and expected.basis = scorecard.basis
        and expected.period_grain = scorecard.period_grain
        and coalesce(expected.period_start, date '0001-01-01')
        = coalesce(scorecard.period_start, date '0001-01-01')
        and expected.segment_name = scorecard.segment_name
        and expected.segment_value = scorecard.segment_value
-- A row without a value may stand for a period that the report does not have.
where
    expected.value is distinct from scorecard.value
    or expected.is_left_truncated <> scorecard.is_left_truncated
    or (expected.kpi is not null and scorecard.kpi is null)
