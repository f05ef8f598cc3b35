{#- Each step doubles how far an account looks ahead: 6 steps are enough for chains of 64 links. -#}
{%- set steps = 6 -%}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customers as (

    select * from {{ ref('stg_customers') }}
    where merged_into_customer_id is not null

),

-- What the source says: at most one merge per account. A merge without a time has always been.
told as (

    select
        customers.customer_id as account_id,
        customers.merged_into_customer_id as next_account_id,
        customers.merged_at,
        case
            when customers.merged_into_customer_id = customers.customer_id
                then 'merged into itself'
            when customers.merged_at >= as_of.as_of_at then 'merged after as_of'
        end as not_applied_reason

    from customers
    cross join as_of

),

pointers_0 as (

    select
        account_id,
        next_account_id as pointer,
        1 as links,
        merged_at as applies_from

    from told
    where not_applied_reason is null

),
{%- for step in range(1, steps + 1) %}

pointers_{{ step }} as (

    select
        near.account_id,
        coalesce(far.pointer, near.pointer) as pointer,
        near.links + coalesce(far.links, 0) as links,
        greatest(near.applies_from, far.applies_from) as applies_from

    from pointers_{{ step - 1 }} as near
    left join pointers_{{ step - 1 }} as far
        on near.pointer = far.account_id

),
{%- endfor %}

-- Where a chain has an end, all its pointers are there by now. What still points at an account that
-- was merged itself is in a circle, or leads into one. Nobody can say who survives.
with_circles as (

    select
        pointers.*,
        pointers_0.account_id is not null as is_in_circle

    from pointers_{{ steps }} as pointers
    left join pointers_0
        on pointers.pointer = pointers_0.account_id

)

select
    told.account_id,
    case
        when coalesce(with_circles.is_in_circle, true) then told.account_id
        else with_circles.pointer
    end as customer_id,
    case
        when with_circles.is_in_circle then 'merged in a circle'
        else told.not_applied_reason
    end as not_applied_reason,
    case when not with_circles.is_in_circle then with_circles.links end as links,
    told.merged_at,
    case when not with_circles.is_in_circle then with_circles.applies_from end as applies_from

from told
left join with_circles
    on told.account_id = with_circles.account_id
