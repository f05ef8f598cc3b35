with

mrr as (

    select
        *,
        lead(opening_mrr) over a_segment as next_opening_mrr,
        lead(customers_at_start) over a_segment as next_customers_at_start,
        lead(month) over a_segment as next_month

    from {{ ref('rpt_mrr') }}
    window a_segment as (partition by segment_name, segment_value order by month)

)

select
    segment_name,
    segment_value,
    month,
    opening_mrr,
    closing_mrr,
    next_opening_mrr

from mrr
where
    opening_mrr + new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churned_mrr
    <> closing_mrr
    or closing_mrr <> next_opening_mrr
    or customers_at_start + new_customers + reactivated_customers - churned_customers
    - merged_customers
    <> customers_at_end
    or merged_customers < 0
    {%- if var('merges_apply') == 'to_all_history' %}
    or merged_customers > 0
    {%- endif %}
    or customers_at_end <> next_customers_at_start
    or {{ dbt.dateadd('month', 1, 'month') }} <> next_month
