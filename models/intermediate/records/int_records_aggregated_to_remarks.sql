{%- set tables = {
    'orders': (ref('stg_order_records'), 'original_amount'),
    'refunds': (ref('stg_refund_records'), 'original_amount'),
    'customers': (ref('stg_customer_records'), '0'),
    'subscriptions': (ref('stg_subscription_records'), 'original_amount'),
    'marketing_spend': (ref('stg_marketing_spend_records'), 'original_amount'),
    'exchange_rates': (ref('stg_exchange_rate_records'), '0'),
    'milestones': (ref('stg_milestone_records'), '0'),
    'contacts': (ref('stg_contact_records'), 'original_cost'),
    'feedback': (ref('stg_feedback_records'), '0'),
    'tickets': (ref('stg_ticket_records'), '0'),
    'carts': (ref('stg_cart_records'), 'original_amount'),
} -%}
{%- for table_name, (relation, amount) in tables.items() %}
{{ 'union all' if not loop.first }}

select
    '{{ table_name }}' as table_name,
    remark as reason,
    count(*) as records,
    cast(coalesce(sum({{ amount }}), 0) as decimal(38, 4)) as amount

from {{ relation }}
where outcome = 'accepted' and remark is not null
group by remark
{%- endfor %}

union all

select
    'customers' as table_name,
    not_applied_reason || ': the account stays as it was' as reason,
    count(*) as records,
    0 as amount

from {{ ref('int_accounts_merged') }}
where not_applied_reason is not null
group by not_applied_reason

union all

select
    'customers' as table_name,
    'its referral is not counted: ' || not_counted_reason as reason,
    count(*) as records,
    cast(0 as decimal(38, 4)) as amount

from {{ ref('int_referrals_assessed') }}
where not is_counted
group by not_counted_reason
