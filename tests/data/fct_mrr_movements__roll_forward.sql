select
    customer_id,
    month,
    opening_mrr,
    closing_mrr

from {{ ref('fct_mrr_movements') }}
where
    opening_mrr + new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churned_mrr
    <> closing_mrr
    or least(opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr) < 0
    or least(churned_mrr, closing_mrr) < 0
