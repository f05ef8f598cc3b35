with

cohorts as (

    select
        segment_name,
        period_start,
        sum(mrr) as mrr,
        sum(active_customers) as customers
    from {{ ref('rpt_subscription_cohorts') }}
    where period_grain = 'month'
    group by segment_name, period_start

),

subscribers as (

    select count(distinct customer_id) as customers from {{ ref('fct_subscription_spells') }}

),

cohort_sizes as (

    select
        segment_name,
        period_grain,
        sum(cohort_customers) as customers
    from {{ ref('rpt_subscription_cohorts') }}
    where periods_since = 0
    group by segment_name, period_grain

)

select
    cohorts.segment_name,
    mrr.month,
    'does not add up to the month' as problem

from {{ ref('rpt_mrr') }} as mrr
left join cohorts
    on mrr.month = cohorts.period_start
where
    mrr.segment_name = 'all'
    and (
        mrr.closing_mrr <> coalesce(cohorts.mrr, 0)
        or mrr.customers_at_end <> coalesce(cohorts.customers, 0)
    )

union all

select
    cohort_sizes.segment_name,
    null as month,
    'does not add up to the subscribers' as problem

from cohort_sizes
cross join subscribers
where cohort_sizes.customers <> subscribers.customers
