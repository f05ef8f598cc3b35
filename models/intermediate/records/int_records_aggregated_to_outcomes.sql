{#-
    A record proves that its source was alive at updated_at, or else at the time of its event. Times after the start of the
    build are ignored: they would make a dead feed look alive later.
-#}
{%- set tables = {
    'orders': (ref('stg_order_records'), 'original_amount', 'coalesce(updated_at, ordered_at)'),
    'refunds': (ref('stg_refund_records'), 'original_amount', 'coalesce(updated_at, refunded_at)'),
    'customers': (ref('stg_customer_records'), '0', 'coalesce(updated_at, signed_up_at)'),
    'subscriptions': (
        ref('stg_subscription_records'), 'original_amount', 'coalesce(updated_at, valid_from)'
    ),
    'marketing_spend': (
        ref('stg_marketing_spend_records'), 'original_amount', local_midnight('spend_date')
    ),
} -%}
{%- set started_at = run_started_at.astimezone(modules.pytz.timezone('UTC')) -%}
{%- set build_start = "cast('" ~ started_at.strftime('%Y-%m-%d %H:%M:%S') ~ "' as timestamp)" -%}
{%- for table_name, (relation, amount, event_at) in tables.items() %}
{{ 'union all' if not loop.first }}

select
    '{{ table_name }}' as table_name,
    file,
    outcome,
    reject_reason as reason,
    count(*) as records,
    cast(coalesce(sum({{ amount }}), 0) as decimal(38, 4)) as amount,
    max(case when {{ event_at }} < {{ build_start }} then {{ event_at }} end) as latest_event_at

from {{ relation }}
group by file, outcome, reject_reason
{%- endfor %}
