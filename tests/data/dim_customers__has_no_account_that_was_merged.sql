{%- set tables = {
    'dim_customers': (ref('dim_customers'), 'customer_id'),
    'dim_customers, referred by': (ref('dim_customers'), 'referred_by_customer_id'),
    'fct_orders': (ref('fct_orders'), 'customer_id'),
    'fct_customer_months': (ref('fct_customer_months'), 'customer_id'),
    'fct_subscription_spells': (ref('fct_subscription_spells'), 'customer_id'),
    'fct_mrr_movements': (ref('fct_mrr_movements'), 'customer_id'),
    'fct_customer_value': (ref('fct_customer_value'), 'customer_id'),
    'fct_stage_changes': (ref('fct_stage_changes'), 'customer_id'),
    'fct_customer_scores': (ref('fct_customer_scores'), 'customer_id'),
    'fct_play_enrollments': (ref('fct_play_enrollments'), 'customer_id'),
} -%}
with

merged_accounts as (

    select * from {{ ref('int_accounts_merged') }}
    where not_applied_reason is null

)

{%- for table_name, (relation, column) in tables.items() %}
{{ 'union all' if not loop.first }}

select
    '{{ table_name }}' as table_name,
    merged_accounts.account_id,
    count(*) as records

from {{ relation }} as mart
inner join merged_accounts
    on mart.{{ column }} = merged_accounts.account_id
group by merged_accounts.account_id
{%- endfor %}

union all

-- Nothing of an account is lost when it gets another name: each order has the customer to whom its
-- account belongs.
select
    'fct_orders, of another customer' as table_name,
    raw_orders.customer_id as account_id,
    count(*) as records

from {{ ref('fct_orders') }} as orders
inner join {{ ref('stg_orders') }} as raw_orders
    on orders.order_id = raw_orders.order_id
left join merged_accounts
    on raw_orders.customer_id = merged_accounts.account_id
where
    coalesce(merged_accounts.customer_id, raw_orders.customer_id, '')
    <> coalesce(orders.customer_id, '')
group by raw_orders.customer_id
