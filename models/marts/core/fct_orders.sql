with

orders as (

    select * from {{ ref('int_orders_assessed') }}
    where is_counted

),

refunds as (

    select * from {{ ref('int_refunds_assessed') }}
    where is_counted

),

refunded_amounts as (

    select
        order_id,
        sum(amount) as refunded_amount

    from refunds
    group by order_id

),

numbered as (

    select
        *,
        row_number() over its_kind as order_number,
        lag(order_date) over its_kind as previous_order_date

    from orders
    window its_kind as (
        partition by customer_id, subscription_id is null
        order by ordered_at, order_id
    )

)

select
    numbered.order_id,
    numbered.customer_id,
    numbered.subscription_id,
    numbered.status,
    numbered.channel,
    numbered.original_currency,
    -- a guest has no customer, so no earlier order; a renewal is no purchase
    case
        when numbered.customer_id is not null and numbered.subscription_id is null
            then cast(numbered.order_number as bigint)
    end as order_number,
    case
        when numbered.customer_id is not null and numbered.subscription_id is null
            then cast(
                {{ dbt.datediff('numbered.previous_order_date', 'numbered.order_date', 'day') }}
                as bigint
            )
    end as days_since_previous_order,
    numbered.amount,
    cast(coalesce(refunded_amounts.refunded_amount, 0) as decimal(18, 2)) as refunded_amount,
    cast(
        numbered.amount - coalesce(refunded_amounts.refunded_amount, 0) as decimal(18, 2)
    ) as net_amount,
    numbered.discount_amount,
    numbered.tax_amount,
    numbered.shipping_amount,
    numbered.original_amount,
    numbered.exchange_rate,
    numbered.ordered_at,
    numbered.order_date{{ pass_through('orders', 'numbered') }}

from numbered
left join refunded_amounts
    on numbered.order_id = refunded_amounts.order_id
