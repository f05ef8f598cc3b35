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
        original_amount
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

)

select
    table_name,
    reason,
    count(*) as records,
    cast(sum(original_amount) as decimal(38, 4)) as amount

from accepted
where reason is not null
group by table_name, reason
