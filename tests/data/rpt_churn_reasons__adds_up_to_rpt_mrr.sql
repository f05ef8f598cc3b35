with

reasons as (

    select
        month,
        sum(customers) as customers,
        sum(churned_mrr) as churned_mrr
    from {{ ref('rpt_churn_reasons') }}
    group by month

)

select
    mrr.month,
    mrr.churned_customers,
    reasons.customers,
    mrr.churned_mrr,
    reasons.churned_mrr as churned_mrr_of_reasons

from {{ ref('rpt_mrr') }} as mrr
full outer join reasons
    on mrr.month = reasons.month
where
    coalesce(mrr.segment_name, 'all') = 'all'
    and (
        coalesce(mrr.churned_customers, 0) <> coalesce(reasons.customers, 0)
        or coalesce(mrr.churned_mrr, 0) <> coalesce(reasons.churned_mrr, 0)
    )
