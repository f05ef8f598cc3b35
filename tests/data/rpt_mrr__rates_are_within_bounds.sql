select
    segment_name,
    segment_value,
    month,
    nrr,
    grr,
    nrr_trailing_12m,
    grr_trailing_12m,
    committed_mrr

from {{ ref('rpt_mrr') }}
where
    grr > 1
    or grr > nrr
    or grr_trailing_12m > 1
    or grr_trailing_12m > nrr_trailing_12m
    or least(grr, grr_trailing_12m, committed_mrr) < 0
    or committed_mrr > closing_mrr
    or churned_customers > customers_at_start
