with

customer_months as (

    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}

)

select
    customer_id,
    movement,
    plans_before,
    plans_after,
    opening_mrr,
    new_mrr,
    reactivation_mrr,
    expansion_mrr,
    contraction_mrr,
    churned_mrr,
    closing_mrr,
    subscriptions_before,
    subscriptions_after,
    quantity_before,
    quantity_after,
    is_complete,
    month

from customer_months
where movement <> 'none'
