{#- The orders have a law of their own, which counts the published orders and their amounts. -#}
{%- set tables = {
    'refunds': ref('int_refunds_assessed'),
    'customers': ref('int_customers_assessed'),
    'subscriptions': ref('int_subscription_versions_assessed'),
    'marketing_spend': ref('int_marketing_spend_assessed'),
    'milestones': ref('int_milestones_assessed'),
    'contacts': ref('int_contacts_assessed'),
    'feedback': ref('int_feedback_assessed'),
    'tickets': ref('int_tickets_assessed'),
    'carts': ref('int_carts_assessed'),
} -%}
with

records as (
    {%- for table_name, relation in tables.items() %}

    {{ 'union all' if not loop.first }}

    select
        '{{ table_name }}' as table_name,
        0 as accepted,
        count(*) as counted,
        0 as not_counted
    from {{ relation }}
    where not_counted_reason is null
    {%- endfor %}

    union all

    select
        'exchange_rates' as table_name,
        0 as accepted,
        count(*) as counted,
        0 as not_counted
    from {{ ref('stg_exchange_rate_records') }} as records
    inner join {{ ref('stg_exchange_rates') }} as rates
        on
            records.currency = rates.currency
            and records.rate_date = rates.valid_from
    where records.outcome = 'accepted' and not records.is_deleted

    union all

    select
        table_name,
        rows_accepted as accepted,
        0 as counted,
        0 as not_counted
    from {{ ref('source_files') }}
    where table_name <> 'orders'

    union all

    select
        table_name,
        0 as accepted,
        0 as counted,
        records as not_counted
    from {{ ref('row_outcomes') }}
    where outcome = 'not_counted' and table_name <> 'orders'

)

select
    table_name,
    sum(accepted) as accepted_records,
    sum(counted) as counted_records,
    sum(not_counted) as not_counted_records

from records
group by table_name
having sum(accepted) <> sum(counted) + sum(not_counted)
