{%- set is_dated = var('merges_apply') == 'from_the_merge_on' -%}
with

buyer_stages as (

    select * from {{ ref('int_purchases_merged_to_stages') }}

),

subscriber_stages as (

    select * from {{ ref('int_subscriptions_merged_to_stages') }}

),

best_stages as (

    select * from {{ ref('int_stages_merged_to_overall') }}

),

customers_on_both_sides as (

    select distinct customer_id from best_stages

),

-- Most customers only buy. Their overall stages are those of the buyer.
on_every_side as (

    select
        'orders' as side,
        buyer_stages.*
    from buyer_stages

    union all

    select
        'subscriptions' as side,
        subscriber_stages.*
    from subscriber_stages

    union all

    select
        'overall' as side,
        best_stages.*
    from best_stages

    union all

    select
        'overall' as side,
        buyer_stages.*
    from buyer_stages
    left join customers_on_both_sides
        on buyer_stages.customer_id = customers_on_both_sides.customer_id
    where customers_on_both_sides.customer_id is null

)

select
    customer_id,
    side,
    stage,
    previous_stage,
    reason,
    entered_on,
    left_on

from on_every_side
{%- if is_dated %}
where customer_id not in (select dated_customer_id from {{ ref('int_accounts_dated') }})

union all

select
    customer_id,
    side,
    stage,
    previous_stage,
    reason,
    entered_on,
    left_on

from {{ ref('int_stages_dated') }}
{%- endif %}
