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
    or converged <> (log_likelihood is not null)
    or converged <> (reason is null)
