{#-
    The numbers of a customer are 1 to n. The days since the order before add up to the days from the first order to the
    last. Each counted once for every order from it on, they add up to the days from the first order to all orders.
-#}
{%- set day = 'cast(' ~ dbt.datediff("date '1970-01-01'", 'order_date', 'day') ~ ' as bigint)' -%}
select
    customer_id,
    count(*) as orders,
    'are not numbered by time' as problem

from {{ ref('fct_orders') }}
where customer_id is not null and subscription_id is null
group by customer_id
having
    count(order_number) <> count(*)
    or min(order_number) <> 1
    or max(order_number) <> count(*)
    or 2 * sum(order_number) <> count(*) * (count(*) + 1)
    or count(days_since_previous_order) <> count(*) - 1
    or min(days_since_previous_order) < 0
    or max(case when order_number = 1 then days_since_previous_order end) is not null
    or max(case when order_number = 1 then ordered_at end) <> min(ordered_at)
    or coalesce(sum(days_since_previous_order), 0) <> max({{ day }}) - min({{ day }})
    or (count(*) + 1) * coalesce(sum(days_since_previous_order), 0)
    - coalesce(sum(days_since_previous_order * order_number), 0)
    <> sum({{ day }}) - count(*) * min({{ day }})

union all

select
    customer_id,
    count(*) as orders,
    'a guest or a renewal has a number' as problem

from {{ ref('fct_orders') }}
where
    (customer_id is null or subscription_id is not null)
    and (order_number is not null or days_since_previous_order is not null)
group by customer_id
