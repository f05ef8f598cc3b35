{#- What a report calls the things that the scorecard needs, where they have other names than in most reports. -#}
{%- set reports = {
    'churn.rpt_retention_rates': {'basis': 'basis', 'is_left_truncated': 'is_left_truncated'},
    'churn.rpt_mrr': {'basis': "'subscriptions'", 'period_grain': "'month'", 'period_start': 'month', 'is_left_truncated': 'is_left_truncated'},
    'cohorts.rpt_repeat_purchase': {'basis': "'orders'", 'period_start': 'cohort_start'},
    'clv.rpt_clv_by_cohort': {'period_start': 'cohort_start'},
    'journey.rpt_onboarding': {
        'period_start': 'cohort_start', 'filter': "milestone = 'any'", 'is_complete': 'is_complete_7d', 'is_left_truncated': 'is_left_truncated',
    },
    'plays.rpt_feedback': {},
    'plays.rpt_support': {
        'segment': "'all' as segment_name, 'all' as segment_value", 'filter': "channel = 'all'", 'sample_size': 'tickets',
    },
    'plays.rpt_play_results': {
        'basis': "'orders'", 'period_start': 'month', 'filter': "play_id = 'win_back_buyers'", 'sample_size': 'least(treated, held_out)',
    },
} -%}
{%- set periods_in_a_year = "case scorecard.period_grain when 'week' then 52 when 'month' then 12"
    ~ " when 'quarter' then 4 else 1 end" -%}
{%- set retention, mrr, repeats, clv, onboarding, feedback, support, plays = reports.keys() -%}
{%- set is_mature = "(period_grain = 'all' or mature_customers_90d = customers)" -%}
{#- A cohort that has not earned its spend back yet needs at least as many months as it is old. -#}
{%- set months_so_far -%}
    case
        when payback_months is null and customers > 0 and marketing_spend > 0
            then {{ months_between('cohort_start', 'as_of.last_day') }} + 1
    end
{%- endset -%}
{%- set who = "case basis when 'orders' then 'Buyers' when 'subscriptions' then 'Subscribers' else 'Customers' end" -%}
{#- A new KPI is a line here, and a row of the seed: its name, report and unit; then both ends of its interval, what else makes it
    final, and its column, if that has another name than the KPI. -#}
{%- set kpis = {
    'retention_rate': ('WHO kept', retention, 'share', 'retention_ci_low', 'retention_ci_high'),
    'monthly_equivalent_churn_rate': ('WHO lost, per 30.4 days', retention, 'share', 'monthly_equivalent_ci_low', 'monthly_equivalent_ci_high'),
    'net_revenue_churn_rate': ('Recurring revenue lost, net', mrr, 'share'),
    'nrr_trailing_12m': ('Net revenue retention, 12 months', mrr, 'share'),
    'grr_trailing_12m': ('Gross revenue retention, 12 months', mrr, 'share'),
    'repeat_rate_90d': ('New buyers back within 90 days', repeats, 'share', 'repeat_ci_low_90d', 'repeat_ci_high_90d', is_mature),
    'purchase_frequency': ('Orders per customer', repeats, 'orders'),
    'average_order_value': ('Average order value', repeats, 'amount'),
    'top_decile_spend_multiple': ('Top tenth spends, against the others', repeats, 'times'),
    'reached_rate_7d': ('First milestone within 7 days', onboarding, 'share', 'reached_ci_low_7d', 'reached_ci_high_7d'),
    'clv_per_customer': ('Lifetime value of a new customer', clv, 'amount'),
    'clv_to_cac': ('Lifetime value : cost to win', clv, 'times'),
    'payback_months': ('Months to earn the cost back', clv, 'months', months_so_far),
    'nps': ('Net promoter score', feedback, 'points', 'nps_ci_low', 'nps_ci_high'),
    'median_first_response_hours': ('Median hours to an answer', support, 'hours'),
    'win_back_lift': ('Won back, beyond the holdout', plays, 'difference', 'lift_ci_low', 'lift_ci_high', none, 'lift'),
} -%}

with

-- The rows of the seed, with what each KPI is called and where it stands.
targets as (
    {%- for kpi, its in kpis.items() %}
    {%- set report = reports[its[1]] %}

    {{ 'union all' if not loop.first }}

    select
        targets.*,
        {{ loop.index }} as kpi_number,
        replace('{{ its[0] }}', 'WHO', {{ who }}) as kpi_name,
        '{{ its[2] }}' as unit,
        '{{ its[1] }}.{{ its[6] or kpi }}'
        {{ "|| ' where period_grain = ''' || period_grain || ''''" if not report.period_grain }}
        {{ "|| ' and basis = ''' || basis || ''''" if report.basis == 'basis' }}
        {{ "|| ' and " ~ report.filter | replace("'", "''") ~ "'" if report.filter }} as source

    from {{ ref('kpi_targets') }} as targets
    where targets.kpi = '{{ kpi }}'
    {%- endfor %}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

periods as (

    select * from {{ ref('int_periods_spined') }}

),

reported as (
    {%- for kpi, its in kpis.items() %}
    {%- set report = reports[its[1]] %}
    {%- set period_grain = report.period_grain or 'period_grain' %}

    {{ 'union all' if not loop.first }}

    select
        '{{ kpi }}' as kpi,
        {{ report.basis or "'any'" }} as basis,
        {{ period_grain }} as period_grain,
        {{ report.period_start or 'period_start' }} as period_start,
        {{ report.segment or 'segment_name, segment_value' }},
        cast({{ its[6] or kpi }} as double) as value,
        cast({{ its[3] or 'null' }} as double) as ci_low,
        cast({{ its[4] or 'null' }} as double) as ci_high,
        {{ 'true' if its[4] else 'false' }} as has_interval,
        cast({{ report.sample_size or 'null' }} as bigint) as sample_size,
        ({{ report.is_complete or 'is_complete' }} or {{ period_grain }} = 'all')
        and {{ its[5] or 'true' }} as is_complete,
        {{ report.is_left_truncated or 'false' }} as is_left_truncated

    from {{ ref(its[1].split('.')[1]) }}
    cross join as_of
    where {{ report.filter or 'true' }}
    {%- endfor %}

),

-- The total has a row for every period, also where its report has none: a report without data shows
-- as no_data. All time is no period, and ends at as_of.
scored as (

    select
        targets.*,
        periods.period_number,
        periods.period_start,
        coalesce(reported.segment_name, 'all') as segment_name,
        coalesce(reported.segment_value, 'all') as segment_value,
        reported.value,
        reported.ci_low,
        reported.ci_high,
        coalesce(reported.has_interval, false) as has_interval,
        reported.sample_size,
        coalesce(reported.is_complete, periods.is_complete, true) as is_complete,
        coalesce(reported.is_left_truncated, false) as is_left_truncated,
        case
            when reported.is_complete and reported.segment_name = 'all' then periods.period_number
        end as complete_period_number

    from targets
    left join periods
        on targets.period_grain = periods.period_grain
    left join reported
        on
            targets.kpi = reported.kpi
            and targets.basis = reported.basis
            and targets.period_grain = reported.period_grain
            and periods.period_start is not distinct from reported.period_start

),

-- What holds at both ends of the interval is certain. Nothing is where it is unknown, or the sample small.
-- The latest period is one that the report has, if there is any. Younger cohorts had less time for value.
with_status as (

    select
        *,
        case
            when target is null then null
            when sample_size < {{ smallest_sample() }} then 'too_early'
            when value is null and ci_low is null then 'no_data'
            when not is_complete or is_left_truncated then 'too_early'
            when has_interval and ci_low is null then 'too_early'
            when direction = 'at_least' and coalesce(ci_low, value) >= target then 'met'
            when direction = 'at_least' and coalesce(ci_high, value) < target then 'missed'
            when direction = 'at_most' and coalesce(ci_high, value) <= target then 'met'
            when direction = 'at_most' and coalesce(ci_low, value) > target then 'missed'
            else 'too_early'
        end as status,
        case when is_complete and not is_left_truncated and kpi not like 'clv%' then value end
            as comparable_value,
        dense_rank() over (
            order by kpi, basis, period_grain, segment_name, segment_value
        ) as series_number,
        coalesce(
            max(complete_period_number) over (partition by kpi, basis, period_grain),
            max(case when is_complete then period_number end) over (
                partition by kpi, basis, period_grain
            )
        ) as latest_period_number

    from scored

)

select
    scorecard.kpi,
    scorecard.kpi_name,
    cast(scorecard.kpi_number as bigint) as kpi_number,
    scorecard.basis,
    scorecard.unit,
    scorecard.period_grain,
    scorecard.period_start,
    scorecard.segment_name,
    scorecard.segment_value,
    scorecard.value,
    scorecard.ci_low,
    scorecard.ci_high,
    scorecard.target,
    scorecard.direction,
    scorecard.watch,
    scorecard.status,
    previous.value as previous_value,
    year_before.value as value_a_year_before,
    scorecard.comparable_value - previous.comparable_value as change_from_previous,
    scorecard.comparable_value - year_before.comparable_value as change_in_a_year,
    scorecard.is_complete,
    scorecard.is_left_truncated,
    coalesce(
        scorecard.period_number = scorecard.latest_period_number, scorecard.period_start is null
    ) as is_latest,
    scorecard.source

from with_status as scorecard
left join with_status as previous
    on
        scorecard.series_number = previous.series_number
        and scorecard.period_number - 1 = previous.period_number
left join with_status as year_before
    on
        scorecard.series_number = year_before.series_number
        and scorecard.period_number - {{ periods_in_a_year }} = year_before.period_number
