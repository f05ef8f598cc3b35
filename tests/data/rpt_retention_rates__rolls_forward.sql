with

rates as (

    select
        *,
        lead(customers_at_start) over (
            partition by segment_name, segment_value, basis, period_grain order by period_start
        ) as next_customers_at_start

    from {{ ref('rpt_retention_rates') }}

)

select
    segment_name,
    segment_value,
    basis,
    period_grain,
    period_start,
    customers_at_start,
    customers_at_end,
    next_customers_at_start

from rates
where
    customers_at_start - lost_customers + new_customers + returning_customers <> customers_at_end
    or customers_at_end <> next_customers_at_start
    or least(customers_at_start, customers_at_end, churn_events, customer_days_at_risk) < 0
    or lost_customers > customers_at_start
    or lost_customers + lost_newcomers > churn_events
    or churn_events > customer_days_at_risk
    or abs(retention_rate + churn_rate - 1) > 1e-12
    or (retention_rate is null) <> (customers_at_start = 0)
