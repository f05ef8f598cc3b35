{{ config(enabled=var('merges_apply') == 'from_the_merge_on') }}
with

dated_customers as (

    select * from {{ ref('int_customers_traced') }}
    where is_same

),

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

stays as (

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

),

-- The part of each stay in which its dated customer was one.
parts as (

    select
        dated_customers.customer_then_id,
        dated_customers.customer_id,
        stays.side,
        stays.stage,
        stays.reason,
        stays.previous_stage is not null as has_earlier_stage,
        coalesce(stays.entered_on < dated_customers.applies_from, false) as is_carried_over,
        greatest(
            stays.entered_on, coalesce(dated_customers.applies_from, stays.entered_on)
        ) as entered_on,
        least(
            coalesce(stays.left_on, dated_customers.applies_until),
            coalesce(dated_customers.applies_until, stays.left_on)
        ) as left_on

    from stays
    inner join dated_customers
        on stays.customer_id = dated_customers.dated_customer_id
    where
        coalesce(stays.entered_on < dated_customers.applies_until, true)
        and coalesce(stays.left_on > dated_customers.applies_from, true)

),

with_previous_stages as (

    select
        *,
        lag(stage) over a_customer as previous_stage,
        -- the day of the merge after which the account names nobody any more
        case
            when max(case when left_on is null then 1 else 0 end) over a_side = 0
                then max(left_on) over a_side
        end as merged_on

    from parts
    window
        a_customer as (partition by customer_then_id, side order by entered_on),
        a_side as (partition by customer_then_id, side)

),

-- A stage that goes on after the merge is one stay.
entries as (

    select *
    from with_previous_stages
    where previous_stage is null or stage <> previous_stage

)

select
    customer_then_id as customer_id,
    customer_id as customer_of_today_id,
    side,
    stage,
    case
        when previous_stage is null and (is_carried_over or has_earlier_stage) then '(merged)'
        else previous_stage
    end as previous_stage,
    case when is_carried_over then 'accounts merged' else reason end as reason,
    entered_on,
    coalesce(
        lead(entered_on) over (partition by customer_then_id, side order by entered_on), merged_on
    ) as left_on,
    merged_on is not null
    and lead(entered_on) over (partition by customer_then_id, side order by entered_on) is null
        as is_merged_away

from entries
