{%- set columns = [
    ('orders', ref('stg_order_records'), 'order_id', 'order_id'),
    ('orders', ref('stg_order_records'), 'customer_id', 'customer_id'),
    ('orders', ref('stg_order_records'), 'subscription_id', 'subscription_id'),
    ('refunds', ref('stg_refund_records'), 'refund_id', 'refund_id'),
    ('refunds', ref('stg_refund_records'), 'customer_id', 'customer_id'),
    ('refunds', ref('stg_refund_records'), 'order_id', 'order_id'),
    ('customers', ref('stg_customer_records'), 'customer_id', 'customer_id'),
    ('customers', ref('stg_customer_records'), 'referred_by_customer_id', 'customer_id'),
    ('customers', ref('stg_customer_records'), 'merged_into_customer_id', 'customer_id'),
    ('subscriptions', ref('stg_subscription_records'), 'subscription_id', 'subscription_id'),
    ('subscriptions', ref('stg_subscription_records'), 'item_id', 'item_id'),
    ('subscriptions', ref('stg_subscription_records'), 'customer_id', 'customer_id'),
    ('subscriptions', ref('stg_subscription_records'), 'plan_id', 'plan_id'),
    ('milestones', ref('stg_milestone_records'), 'customer_id', 'customer_id'),
    ('carts', ref('stg_cart_records'), 'customer_id', 'customer_id'),
    ('tickets', ref('stg_ticket_records'), 'customer_id', 'customer_id'),
    ('feedback', ref('stg_feedback_records'), 'customer_id', 'customer_id'),
    ('contacts', ref('stg_contact_records'), 'customer_id', 'customer_id'),
] -%}
with

-- A number with a trailing .0 and its plain form: programs write the first one for a column of
-- numbers in which a field is empty.
suffixed as (
    {%- for table_name, relation, column, kind in columns %}

    {{ 'union all' if not loop.first }}

    select distinct
        '{{ table_name }}' as table_name,
        '{{ column }}' as column_name,
        '{{ kind }}' as kind,
        {{ column }} as id,
        substr({{ column }}, 1, length({{ column }}) - 2) as plain_id
    from {{ relation }}
    where {{ column }} like '%.0'
    {%- endfor %}

),

-- All ids as they are. A filter here would let the engine take them for the smaller side of the join, and hold
-- them all in memory.
ids as (
    {%- for table_name, relation, column, kind in columns %}

    {{ 'union all' if not loop.first }}

    select
        '{{ table_name }}' as table_name,
        '{{ kind }}' as kind,
        {{ column }} as id
    from {{ relation }}
    {%- endfor %}

)

select
    suffixed.table_name,
    suffixed.column_name,
    suffixed.id,
    min(ids.table_name) as plain_in_table

from suffixed
inner join ids
    on
        suffixed.kind = ids.kind
        and suffixed.plain_id = ids.id
group by suffixed.table_name, suffixed.column_name, suffixed.id

union all

-- Many shops write 0 for a guest. With two orders it is a customer who seems to come again.
select
    'orders' as table_name,
    'customer_id' as column_name,
    customer_id as id,
    '' as plain_in_table

from {{ ref('stg_order_records') }}
where customer_id = '0'
group by customer_id
having count(distinct order_id) > 1
