with

cohorts as (

    select * from {{ without_database(ref('rpt_subscription_cohorts')) }}
    where segment_name = 'all' and period_grain = 'month' and is_complete

)

select
    cohort_start as cohort_month,
    periods_since as months_since,
    period_start as month,
    -- once for each cohort, so that a sum counts nobody twice
    case when periods_since = 0 then cohort_customers else 0 end as new_subscribers,
    active_customers as subscribers,
    mrr,
    retention_rate,
    net_revenue_retention,
    gross_revenue_retention,
    is_left_truncated

from cohorts
