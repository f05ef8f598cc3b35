{#- Each step doubles how far a customer looks back: 6 steps are enough for chains of 64 referrals. -#}
{%- set steps = 6 -%}
with

referrals as (

    select
        customer_id,
        referred_by_customer_id as referrer_id,
        signed_up_on
    from {{ ref('int_customers_assessed') }}
    where is_counted and referred_by_customer_id is not null

),

-- Only who was referred and has referred others can be part of a circle: few are.
pointers_0 as (

    select
        customer_id,
        referrer_id as pointer
    from referrals
    where
        customer_id <> referrer_id
        and customer_id in (select others.referrer_id from referrals as others)

),
{%- for step in range(1, steps + 1) %}

pointers_{{ step }} as (

    select
        near.customer_id,
        far.pointer

    from pointers_{{ step - 1 }} as near
    inner join pointers_{{ step - 1 }} as far
        on near.pointer = far.customer_id

),
{%- endfor %}

-- Everybody has one referrer at most, so a walk from referrer to referrer either comes to an end, or into
-- a circle, and stays in it. One customer of a circle leads to each of the others.
circles as (

    select distinct pointer as customer_id
    from pointers_{{ steps }}

),

assessed as (

    select
        referrals.customer_id,
        referrals.referrer_id,
        referrals.signed_up_on,
        case
            when referrals.customer_id = referrals.referrer_id then 'self-referral'
            when circles.customer_id is not null then 'circle of referrals'
        end as not_counted_reason

    from referrals
    left join circles
        on referrals.customer_id = circles.customer_id

)

select
    customer_id,
    referrer_id,
    not_counted_reason,
    not_counted_reason is null as is_counted,
    signed_up_on

from assessed
