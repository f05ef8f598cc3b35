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
        ref('stg_marketing_spend_records'), 'original_amount',
        'coalesce(updated_at, ' ~ local_midnight('spend_date') ~ ')'
    ),
    'exchange_rates': (
        ref('stg_exchange_rate_records'), '0',
        'coalesce(updated_at, ' ~ local_midnight('rate_date') ~ ')'
    ),
    'milestones': (ref('stg_milestone_records'), '0', 'coalesce(updated_at, reached_at)'),
    'contacts': (ref('stg_contact_records'), 'original_cost', 'coalesce(updated_at, sent_at)'),
    'feedback': (ref('stg_feedback_records'), '0', 'coalesce(updated_at, given_at)'),
    'tickets': (ref('stg_ticket_records'), '0', 'coalesce(updated_at, opened_at)'),
    'carts': (ref('stg_cart_records'), 'original_amount', 'coalesce(updated_at, created_at)'),
} -%}
{%- set started_at = run_started_at.astimezone(modules.pytz.timezone('UTC')) -%}
{%- set build_start = "cast('" ~ started_at.strftime('%Y-%m-%d %H:%M:%S') ~ "' as timestamp)" -%}
{%- for table_name, (relation, amount, event_at) in tables.items() %}
{{ 'union all' if not loop.first }}

select
    '{{ table_name }}' as table_name,
    file,
    outcome,
    case
        when outcome = 'part_of' then coalesce(remark, 'line of another record')
        else coalesce(reject_reason, superseded_reason)
    end as reason,
    count(*) as records,
    count(case when record_role = 'derived' then 1 end) as derived_records,
    cast(coalesce(sum({{ amount }}), 0) as decimal(38, 4)) as amount,
    max(case when {{ event_at }} < {{ build_start }} then {{ event_at }} end) as latest_event_at

from {{ relation }}
group by
    file,
    outcome,
    case
        when outcome = 'part_of' then coalesce(remark, 'line of another record')
        else coalesce(reject_reason, superseded_reason)
    end
{%- endfor %}

union all

select
    files.table_name,
    supporting.file,
    supporting.outcome,
    coalesce(supporting.reject_reason, 'record of a supporting file') as reason,
    cast(sum(coalesce(supporting.records, 1)) as bigint) as records,
    0 as derived_records,
    0 as amount,
    null as latest_event_at

from {{ ref('stg_supporting_records') }} as supporting
inner join {{ ref('stg_source_files') }} as files
    on supporting.file = files.file
group by
    files.table_name,
    supporting.file,
    supporting.outcome,
    coalesce(supporting.reject_reason, 'record of a supporting file')
