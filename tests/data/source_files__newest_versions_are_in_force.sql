{#- Only the few superseded records are joined. Of a superseded key, one record is in force, and none is newer. -#}
{%- set tables = {
    'orders': (ref('stg_order_records'), ['order_id']),
    'refunds': (ref('stg_refund_records'), ['refund_id']),
    'customers': (ref('stg_customer_records'), ['customer_id']),
    'subscriptions': (ref('stg_subscription_records'), ['subscription_id', 'item_id', 'valid_from']),
    'marketing_spend': (ref('stg_marketing_spend_records'), ['spend_date', 'channel']),
    'exchange_rates': (ref('stg_exchange_rate_records'), ['rate_date', 'currency']),
    'milestones': (ref('stg_milestone_records'), ['customer_id', 'milestone', 'reached_at']),
    'contacts': (ref('stg_contact_records'), ['contact_id']),
    'feedback': (ref('stg_feedback_records'), ['feedback_id']),
    'tickets': (ref('stg_ticket_records'), ['ticket_id']),
    'carts': (ref('stg_cart_records'), ['cart_id']),
} -%}
with

violations as (
    {%- for table_name, (relation, key) in tables.items() %}

    {{ 'union all' if not loop.first }}

    select
        '{{ table_name }}' as table_name,
        superseded.file,
        superseded.superseded_reason,
        superseded.updated_at,
        in_force.updated_at as updated_at_in_force

    from {{ relation }} as superseded
    left join {{ relation }} as in_force
        on
            in_force.outcome = 'accepted'
            {%- for column in key %}
            and superseded.{{ column }} is not distinct from in_force.{{ column }}
            {%- endfor %}
    where
        superseded.outcome = 'superseded'
        and (
            in_force.file is null
            or superseded.updated_at > in_force.updated_at
            or (superseded.updated_at is not null and in_force.updated_at is null)
            or (
                superseded.superseded_reason like 'conflict%'
                and superseded.updated_at is distinct from in_force.updated_at
            )
        )
    {%- endfor %}

)

select
    violations.*,
    source_files.rows_superseded

from violations
inner join {{ ref('source_files') }} as source_files
    on violations.file = source_files.file
