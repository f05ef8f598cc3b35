{%- set sums = [
    'nps_answers', 'promoters', 'detractors', 'csat_answers', 'satisfied_answers', 'csat_scores',
    'complaints', 'decided_complaints', 'heard_complaints',
    'mature_heard_complaints', 'kept_heard_complaints',
    'mature_unheard_complaints', 'kept_unheard_complaints',
] -%}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

feedback as (

    select
        feedback.*,
        cast({{ dbt.date_trunc('month', 'feedback.given_on') }} as date) as month
    from {{ ref('int_feedback_assessed') }} as feedback
    where feedback.is_counted and feedback.kind in ('nps', 'csat')

),

complaints as (

    select
        complaints.*,
        cast({{ dbt.date_trunc('month', 'complaints.given_on') }} as date) as month
    from {{ ref('int_complaints_followed_up') }} as complaints

),

customers as (

    select * from {{ ref('dim_customers') }}

),

answers as (

    select
        *,
        row_number() over (
            partition by kind, customer_id, month
            order by given_at desc, feedback_id desc
        ) as place_from_last

    from feedback

),

counted as (

    select
        customer_id,
        month,
        case when kind = 'nps' then score end as nps_score,
        case when kind = 'csat' then score end as csat_score,
        0 as is_complaint,
        0 as is_decided,
        0 as is_heard,
        0 as is_mature,
        0 as is_kept
    from answers
    where place_from_last = 1

    union all

    select
        customer_id,
        month,
        null as nps_score,
        null as csat_score,
        1 as is_complaint,
        case when is_decided then 1 else 0 end as is_decided,
        case when is_heard then 1 else 0 end as is_heard,
        case when is_mature then 1 else 0 end as is_mature,
        case when is_kept then 1 else 0 end as is_kept
    from complaints

),

-- A customer who complains twice in a month is one in that month, and one in all time.
customers_of_periods as (

    select
        customer_id,
        case when grouping(month) = 0 then 'month' else 'all' end as period_grain,
        month as period_start,
        count(nps_score) as nps_answers,
        sum(case when nps_score >= 9 then 1 else 0 end) as promoters,
        sum(case when nps_score <= 6 then 1 else 0 end) as detractors,
        count(csat_score) as csat_answers,
        sum(case when csat_score >= 8 then 1 else 0 end) as satisfied_answers,
        sum(csat_score) as csat_scores,
        sum(is_complaint) as complaints,
        max(is_complaint) as is_complaining,
        sum(is_decided) as decided_complaints,
        sum(is_heard) as heard_complaints,
        sum(is_heard * is_mature) as mature_heard_complaints,
        sum(is_heard * is_kept) as kept_heard_complaints,
        sum((1 - is_heard) * is_mature) as mature_unheard_complaints,
        sum((1 - is_heard) * is_kept) as kept_unheard_complaints

    from counted
    group by grouping sets ((customer_id, month), (customer_id))

),

with_segments as (

    select customers_of_periods.*{{ segment_attributes_or_none('customers') }}

    from customers_of_periods
    left join customers
        on customers_of_periods.customer_id = customers.customer_id

),

totals as (

    select
        {{ segment_columns() }},
        period_grain,
        period_start,
        {%- for column in sums %}
        sum({{ column }}) as {{ column }},
        {%- endfor %}
        sum(is_complaining) as complaining_customers

    from with_segments
    group by {{ segment_sets(['period_grain', 'period_start']) }}

),

-- Where all answers are of one kind, the variance is 0, and says nothing about the next answer. That of
-- a few answers does not either.
with_shares as (

    select
        *,
        {{ safe_divide('promoters - detractors', 'nps_answers') }} as net_share,
        case
            when nps_answers >= {{ smallest_sample() }}
                then sqrt(nullif(
                    {{ safe_divide('promoters + detractors', 'nps_answers') }}
                    - power({{ safe_divide('promoters - detractors', 'nps_answers') }}, 2),
                    0
                ) / nps_answers)
        end as net_share_error

    from totals

)

select
    shares.segment_name,
    shares.segment_value,
    shares.period_grain,
    shares.period_start,
    cast(shares.nps_answers as bigint) as nps_answers,
    cast(shares.promoters as bigint) as promoters,
    cast(shares.nps_answers - shares.promoters - shares.detractors as bigint) as passives,
    cast(shares.detractors as bigint) as detractors,
    100 * shares.net_share as nps,
    case when shares.net_share_error > 0 then greatest(
        -100, 100 * {{ normal_low('shares.net_share', 'shares.net_share_error') }}
    ) end as nps_ci_low,
    case when shares.net_share_error > 0 then least(
        100, 100 * {{ normal_high('shares.net_share', 'shares.net_share_error') }}
    ) end as nps_ci_high,
    cast(shares.csat_answers as bigint) as csat_answers,
    cast(shares.satisfied_answers as bigint) as satisfied_answers,
    {{ safe_divide('shares.satisfied_answers', 'shares.csat_answers') }} as csat,
    {{ wilson_low('shares.satisfied_answers', 'shares.csat_answers') }} as csat_ci_low,
    {{ wilson_high('shares.satisfied_answers', 'shares.csat_answers') }} as csat_ci_high,
    {{ safe_divide('shares.csat_scores', 'shares.csat_answers') }} as csat_mean_score,
    cast(shares.complaints as bigint) as complaints,
    cast(shares.complaining_customers as bigint) as complaining_customers,
    cast(shares.complaints * {{ var('silent_per_complaint') }} as bigint) as silent_customers,
    cast(shares.decided_complaints as bigint) as decided_complaints,
    cast(shares.heard_complaints as bigint) as heard_complaints,
    {{ safe_divide('shares.heard_complaints', 'shares.decided_complaints') }} as heard_rate,
    {{ wilson_low('shares.heard_complaints', 'shares.decided_complaints') }} as heard_ci_low,
    {{ wilson_high('shares.heard_complaints', 'shares.decided_complaints') }} as heard_ci_high,
    {%- for kind in ['heard', 'unheard'] %}
    {%- set kept = 'shares.kept_' ~ kind ~ '_complaints' %}
    {%- set mature = 'shares.mature_' ~ kind ~ '_complaints' %}
    cast({{ mature }} as bigint) as mature_{{ kind }}_complaints,
    cast({{ kept }} as bigint) as kept_{{ kind }}_complaints,
    {{ safe_divide(kept, mature) }} as {{ kind }}_retention_rate,
    {{ wilson_low(kept, mature) }} as {{ kind }}_retention_ci_low,
    {{ wilson_high(kept, mature) }} as {{ kind }}_retention_ci_high,
    {%- endfor %}
    coalesce({{ dbt.dateadd('month', 1, 'shares.period_start') }} <= as_of.as_of, false)
        as is_complete,
    coalesce(
        {{ dbt.dateadd('day', 90, dbt.dateadd('month', 1, 'shares.period_start')) }}
        <= as_of.as_of,
        false
    ) as is_follow_up_complete

from with_shares as shares
cross join as_of
