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
    (movement = 'new') <> (movement_number = 1)
    or (movement = 'new') <> (new_mrr > 0)
    or (movement = 'reactivation') <> (reactivation_mrr > 0)
    or (movement = 'expansion') <> (expansion_mrr > 0)
    or (movement = 'contraction') <> (contraction_mrr > 0)
    or (movement = 'churn') <> (churned_mrr > 0)
