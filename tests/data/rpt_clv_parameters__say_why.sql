{#- Data that are simpler than their model converge with a reason, perhaps without a likelihood. -#}
select
    trained_on,
    model,
    billing_interval,
    parameter,
    value,
    reason

from {{ ref('rpt_clv_parameters') }}
where
    converged <> (value is not null)
    or (not converged and (reason is null or log_likelihood is not null))
    or (converged and (reason is not null) <> (parameter in ('mean', 'own_share')))
    or (converged and reason is null and log_likelihood is null)
