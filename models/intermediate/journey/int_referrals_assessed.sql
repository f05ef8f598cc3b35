{#- Each join walks one referral further. Circles of more than 20 customers are not found. -#}
{%- set joins, ends = [], [] -%}
{%- for step in range(2, 21) -%}
{%- do joins.append(
    'left join links as link_' ~ step
    ~ ' on link_' ~ (step - 1) ~ '.referrer_id = link_' ~ step ~ '.customer_id'
) -%}
{%- do ends.append('link_' ~ step ~ '.referrer_id') -%}
{%- endfor -%}

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
links as (

    select
        customer_id,
        referrer_id
    from referrals
    where
        customer_id <> referrer_id
        and customer_id in (select others.referrer_id from referrals as others)
        and referrer_id in (select others.customer_id from referrals as others)

),

-- Everybody has one referrer at most, so a walk from referrer to referrer either comes to an
-- end, or into a circle. Who comes back to the start is part of a circle.
circles as (

    select distinct link_1.customer_id

    from links as link_1
    {{ joins | join('\n    ') }}
    where link_1.customer_id in ({{ ends | join(', ') }})

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
