{#- Channels and the total are charged with spend. A cohort whose margin covers its spend has paid back. -#}
select
    segment_name,
    segment_value,
    period_grain,
    cohort_start,
    historic_net_revenue,
    historic_recurring_revenue,
    marketing_spend,
    payback_months

from {{ ref('rpt_clv_by_cohort') }}
where
    (
        payback_months is null
        and (historic_net_revenue + historic_recurring_revenue) * {{ var('gross_margin') }}
        >= marketing_spend
        and customers > 0
    )
    or (payback_months is not null and marketing_spend is null)
    or payback_months < 1
