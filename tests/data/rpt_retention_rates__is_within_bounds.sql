select
    segment_name,
    segment_value,
    basis,
    period_grain,
    period_start,
    customers_at_start,
    customers_at_end,
    lost_customers,
    lost_newcomers,
    churn_events,
    customer_days_at_risk

from {{ ref('rpt_retention_rates') }}
where
    least(customers_at_start, customers_at_end, customer_days_at_risk, merged_customers) < 0
    or lost_customers + merged_customers > customers_at_start
    or customers_at_start + new_customers + returning_customers - lost_customers - merged_customers
    <> customers_at_end
    {%- if var('merges_apply') == 'to_all_history' %}
    or merged_customers > 0
    {%- endif %}
    -- A customer who is lost has ended a run. The day on which a run ends is a day at risk.
    or lost_customers + lost_newcomers > churn_events
    or churn_events > customer_days_at_risk
    -- Who could not be lost was not at risk, so a band would be praise for nothing.
    or (churn_band is null) <> (is_left_truncated or customer_days_at_risk = 0)
