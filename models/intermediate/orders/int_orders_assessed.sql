with

orders as (

    select * from {{ ref('stg_orders') }}

),

statuses as (

    select * from {{ ref('order_statuses') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

merged_accounts as (

    select * from {{ ref('int_accounts_merged') }}

),

assessed as (

    select
        orders.*,
        coalesce(merged_accounts.customer_id, orders.customer_id) as owner_id,
        {{ local_date('orders.ordered_at') }} as order_date,
        case
            when orders.ordered_at >= as_of.as_of_at then 'after as_of'
            when orders.is_deleted then 'deleted'
            when orders.is_test then 'test'
            when not statuses.counts then 'status is ' || statuses.status
            when orders.amount < 0 then 'negative amount'
            when orders.amount = 0 and not {{ var('free_orders_count') }} then 'zero amount'
        end as not_counted_reason,
        orders.status is not null and statuses.raw_status is null as has_unknown_status

    from orders
    cross join as_of
    left join merged_accounts
        on orders.customer_id = merged_accounts.account_id
    left join statuses
        on orders.status = statuses.raw_status

)

select
    order_id,
    owner_id as customer_id,
    subscription_id,
    status,
    channel,
    original_currency,
    not_counted_reason,
    original_amount,
    exchange_rate,
    amount,
    discount_amount,
    tax_amount,
    shipping_amount,
    not_counted_reason is null as is_counted,
    has_unknown_status,
    ordered_at,
    order_date{{ pass_through('orders') }}

from assessed
