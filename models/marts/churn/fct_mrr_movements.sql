{%- set is_dated = var('merges_apply') == 'from_the_merge_on' -%}
with

customer_months as (

    {%- if is_dated %}
    select * from {{ ref('int_customer_months_dated') }}
    {%- else %}
    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}
    {%- endif %}

)

select
    {{ 'customer_then_id as customer_id' if is_dated else 'customer_id' }},
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
