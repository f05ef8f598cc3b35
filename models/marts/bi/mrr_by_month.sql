with

mrr as (

    select * from {{ without_database(ref('rpt_mrr')) }}
    where segment_name = 'all' and is_complete

)

select
    month,
    opening_mrr,
    new_mrr,
    reactivation_mrr,
    expansion_mrr,
    contraction_mrr,
    churned_mrr,
    closing_mrr as mrr,
    committed_mrr,
    arr,
    customers_at_start as paying_customers_at_start,
    new_customers as new_paying_customers,
    reactivated_customers as reactivated_paying_customers,
    churned_customers as churned_paying_customers,
    customers_at_end as paying_customers,
    arpa as mrr_per_paying_customer,
    nrr as net_revenue_retention,
    grr as gross_revenue_retention,
    logo_churn_rate as customer_churn_rate

from mrr
