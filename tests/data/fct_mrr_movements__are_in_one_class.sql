with

movements as (

    select
        *,
        row_number() over (partition by customer_id order by month) as movement_number

    from {{ ref('fct_mrr_movements') }}

)

select
    customer_id,
    month,
    movement,
    movement_number

from movements
where
    (
        (movement = 'new') <> (movement_number = 1)
        {%- if var('merges_apply') == 'from_the_merge_on' %}
        -- the first movement of who got a merged account goes on from what that account paid
        and customer_id not in (select customer_then_id from {{ ref('int_accounts_dated') }})
        {%- endif %}
    )
    or (movement = 'new') <> (new_mrr > 0)
    or (movement = 'reactivation') <> (reactivation_mrr > 0)
    or (movement = 'expansion') <> (expansion_mrr > 0)
    or (movement = 'contraction') <> (contraction_mrr > 0)
    or (movement = 'churn') <> (churned_mrr > 0)
