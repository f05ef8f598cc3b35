with

movements as (

    select
        *,
        -- Nothing changes in a month without a movement.
        lag(closing_mrr, 1, 0) over (
            partition by customer_id order by month
        ) as previous_closing_mrr

    from {{ ref('fct_mrr_movements') }}

)

select
    customer_id,
    month,
    previous_closing_mrr,
    opening_mrr,
    closing_mrr

from movements
where
    opening_mrr + new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churned_mrr
    <> closing_mrr
    {%- if var('merges_apply') == 'from_the_merge_on' %}
    -- a merge brings the revenue of other accounts: rpt_mrr__rolls_forward adds them up
    or (
        opening_mrr <> previous_closing_mrr
        and customer_id not in (select customer_then_id from {{ ref('int_accounts_dated') }})
    )
    {%- else %}
    or opening_mrr <> previous_closing_mrr
    {%- endif %}
    or least(opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr) < 0
    or least(churned_mrr, closing_mrr) < 0
    or (opening_mrr = 0) <> (subscriptions_before = 0)
    or (closing_mrr = 0) <> (subscriptions_after = 0)
    or (plans_before is null) <> (subscriptions_before = 0)
    or (plans_after is null) <> (subscriptions_after = 0)
