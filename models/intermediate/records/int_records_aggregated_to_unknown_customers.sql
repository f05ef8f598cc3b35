{#- Tables in which a customer may stand who has no order, no subscription and no row in customers. -#}
{%- set tables = {
    'feedback': (ref('int_feedback_assessed'), '0'),
    'tickets': (ref('int_tickets_assessed'), '0'),
    'carts': (ref('int_carts_assessed'), 'original_amount'),
} -%}
{%- for table_name, (relation, amount) in tables.items() %}
{{ 'union all' if not loop.first }}

select
    '{{ table_name }}' as table_name,
    'unknown customer, in no segment' as reason,
    count(*) as records,
    cast(coalesce(sum({{ amount }}), 0) as decimal(38, 4)) as amount

from {{ relation }} as records
left join {{ ref('int_customers_segmented') }} as customers
    on records.customer_id = customers.customer_id
where
    records.is_counted
    and records.customer_id is not null
    and customers.customer_id is null
having count(*) > 0
{%- endfor %}
