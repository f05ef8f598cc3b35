with

accepted as (

    select
        'orders' as table_name,
        not_counted_reason as reason,
        original_amount
    from {{ ref('int_orders_assessed') }}

    union all

    select
        'refunds' as table_name,
        not_counted_reason as reason,
        not_counted_amount as original_amount
    from {{ ref('int_refunds_assessed') }}

    union all

    select
        'customers' as table_name,
        not_counted_reason as reason,
        0 as original_amount
    from {{ ref('int_customers_assessed') }}

    union all

    select
        'subscriptions' as table_name,
        not_counted_reason as reason,
        original_amount
    from {{ ref('int_subscription_versions_assessed') }}

    union all

    select
        'marketing_spend' as table_name,
        not_counted_reason as reason,
        original_amount
    from {{ ref('int_marketing_spend_assessed') }}

    union all

    select
        'exchange_rates' as table_name,
        case
            when is_deleted then 'deleted'
            when currency = '{{ var("reporting_currency") }}' then 'rate of the reporting currency'
        end as reason,
        0 as original_amount
    from {{ ref('stg_exchange_rate_records') }}
    where outcome = 'accepted'

    union all

    select
        'milestones' as table_name,
        not_counted_reason as reason,
        0 as original_amount
    from {{ ref('int_milestones_assessed') }}

    union all

    select
        'carts' as table_name,
        not_counted_reason as reason,
        original_amount
    from {{ ref('int_carts_assessed') }}

    union all

    select
        'tickets' as table_name,
        not_counted_reason as reason,
        0 as original_amount
    from {{ ref('int_tickets_assessed') }}

    union all

    select
        'feedback' as table_name,
        not_counted_reason as reason,
        0 as original_amount
    from {{ ref('int_feedback_assessed') }}

    union all

    select
        'contacts' as table_name,
        not_counted_reason as reason,
        original_cost as original_amount
    from {{ ref('int_contacts_assessed') }}

)

select
    table_name,
    reason,
    count(*) as records,
    cast(sum(original_amount) as decimal(38, 4)) as amount

from accepted
where reason is not null
group by table_name, reason
