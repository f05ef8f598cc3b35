select
    segment_name,
    segment_value,
    month,
    nrr,
    grr,
    nrr_trailing_12m,
    grr_trailing_12m

from {{ ref('rpt_mrr') }}
where
    grr > 1
    or grr > nrr
    or grr_trailing_12m > 1
    or grr_trailing_12m > nrr_trailing_12m
    or grr < 0
    or nrr * opening_mrr
    > (opening_mrr + expansion_mrr {{ '+ reactivation_mrr' if var('nrr_includes_reactivation') }})
    * (1 + 1e-12)
