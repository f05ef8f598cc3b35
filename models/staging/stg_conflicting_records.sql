{%- set text = dbt.type_string() -%}
{%- set tables = {
    'orders': (ref('stg_order_records'), 'order_id', 'original_amount'),
    'refunds': (ref('stg_refund_records'), 'refund_id', 'original_amount'),
    'customers': (ref('stg_customer_records'), 'customer_id', 'null'),
    'subscriptions': (
        ref('stg_subscription_records'),
        "subscription_id || coalesce(' ' || item_id, '') || ', ' || cast(valid_from as " ~ text ~ ")",
        'original_amount',
    ),
    'marketing_spend': (
        ref('stg_marketing_spend_records'),
        "cast(spend_date as " ~ text ~ ") || ', ' || channel",
        'original_amount',
    ),
    'exchange_rates': (
        ref('stg_exchange_rate_records'),
        "cast(rate_date as " ~ text ~ ") || ', ' || currency",
        'null',
    ),
    'milestones': (
        ref('stg_milestone_records'),
        "customer_id || ', ' || milestone || ', ' || cast(reached_at as " ~ text ~ ")",
        'null',
    ),
    'contacts': (ref('stg_contact_records'), 'contact_id', 'original_cost'),
    'feedback': (ref('stg_feedback_records'), 'feedback_id', 'null'),
    'tickets': (ref('stg_ticket_records'), 'ticket_id', 'null'),
    'carts': (ref('stg_cart_records'), 'cart_id', 'original_amount'),
} -%}
{%- for table_name, (relation, record_key, amount) in tables.items() %}
{{ 'union all' if not loop.first }}

select
    '{{ table_name }}' as table_name,
    {{ record_key }} as record_key,
    file,
    kept_file,
    superseded_reason,
    cast({{ amount }} as decimal(18, 4)) as amount

from {{ relation }}
where kept_file is not null
{%- endfor %}
