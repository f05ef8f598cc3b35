with

cohorts as (

    select * from {{ without_database(ref('rpt_order_cohorts')) }}
    where segment_name = 'all' and period_grain = 'month' and is_complete

)

select
    cohort_start as cohort_month,
    periods_since as months_since,
    period_start as month,
    -- once for each cohort, so that a sum counts nobody twice
    case when periods_since = 0 then cohort_customers else 0 end as new_customers,
    active_customers,
    orders,
    net_revenue,
    retention_rate

from cohorts
