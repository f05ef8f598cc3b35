with

cohorts as (

    select * from {{ without_database(ref('rpt_order_cohorts')) }}
    where segment_name = 'all' and period_grain = 'quarter' and is_complete

)

select
    cohort_start as cohort_quarter,
    periods_since as quarters_since,
    period_start as quarter,
    -- once for each cohort, so that a sum counts nobody twice
    case when periods_since = 0 then cohort_customers else 0 end as new_customers,
    active_customers,
    orders,
    net_revenue,
    retention_rate

from cohorts
