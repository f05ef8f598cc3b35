{%- set tables = {
    'dim_customers': (ref('dim_customers'), 'customer_id'),
    'dim_customers, referred by': (ref('dim_customers'), 'referred_by_customer_id'),
    'fct_orders': (ref('fct_orders'), 'customer_id'),
    'fct_customer_months': (ref('fct_customer_months'), 'customer_id'),
    'fct_customer_value': (ref('fct_customer_value'), 'customer_id'),
    'fct_customer_scores': (ref('fct_customer_scores'), 'customer_id'),
    'fct_play_enrollments': (ref('fct_play_enrollments'), 'customer_id'),
} -%}
{%- set tables_of_times = {
    'fct_subscription_spells': (ref('fct_subscription_spells'), 'started_on'),
    'fct_mrr_movements': (ref('fct_mrr_movements'), 'month'),
    'fct_stage_changes': (ref('fct_stage_changes'), 'entered_on'),
} -%}
with

merged_accounts as (

    select
        account_id,
        customer_id,
        merged_at
    from {{ ref('int_accounts_merged') }}
    where not_applied_reason is null
    {%- if var('merges_apply') == 'from_the_merge_on' %}

    union all

    -- The names that models give to customers of the time before a merge. No table shows them.
    select distinct
        dated_customer_id as account_id,
        customer_id,
        cast(null as {{ dbt.type_timestamp() }}) as merged_at
    from {{ ref('int_accounts_dated') }}
    where applies_until is not null
    {%- endif %}

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

{%- for table_name, (relation, day) in tables_of_times.items() %}

union all

-- An account names a customer before its merge only, and never unless the var says so.
select
    '{{ table_name }}' as table_name,
    mart.customer_id as account_id,
    count(*) as records

from {{ relation }} as mart
left join {{ ref('dim_customers') }} as customers
    on mart.customer_id = customers.customer_id
left join merged_accounts
    on mart.customer_id = merged_accounts.account_id
where
    customers.customer_id is null
    and coalesce(
        {{ var('merges_apply') == 'to_all_history' }}
        or mart.{{ day }} >= {{ local_date('merged_accounts.merged_at') }},
        true
    )
group by mart.customer_id
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
