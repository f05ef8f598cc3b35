with

order_rows as (

    select * from {{ ref('woocommerce__order_rows') }}

),

subscriptions as (

    select * from {{ read_texts(source('woocommerce', 'subscriptions')) }}

),

renewal_orders as (

    select
        subscription_id,
        unnest(string_split(renewal_orders, '|')) as order_id

    from subscriptions

),

-- One row per renewal order. An order may renew several subscriptions: the first one stands for them.
renewals as (

    select
        order_id,
        min(subscription_id) as subscription_id

    from renewal_orders
    group by order_id

),

mapped as (

    select
        order_rows.order_id,
        order_rows.customer_id,
        coalesce(order_rows.subscription_id, renewals.subscription_id) as subscription_id,
        order_rows.status,
        order_rows.currency,
        case when not order_rows.is_item then order_rows.amount end as amount,
        order_rows.discount_amount,
        order_rows.tax_amount,
        order_rows.shipping_amount,
        order_rows.ordered_at,
        order_rows.file,
        -- the later export wins, also where its name has no day
        order_rows.exported_on as file_date,
        order_rows.scan_position,
        case when order_rows.is_item then 'part' end as record_role

    from order_rows
    left join renewals
        on order_rows.order_id = renewals.order_id

)

select * from mapped
