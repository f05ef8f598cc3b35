with

current_subscriptions as (

    select * from {{ read_texts(source('recharge_fivetran', 'subscription')) }}

),

subscription_history as (

    select * from {{ read_texts(source('recharge_fivetran', 'subscription_history')) }}

),

customers as (

    select * from {{ read_texts(source('recharge_fivetran', 'customer')) }}

),

shop_customers as (

    select
        id as customer_id,
        max(coalesce(external_customer_id_ecommerce, shopify_customer_id)) as shop_customer_id

    from customers
    group by id

),

subscriptions as (

    select * rename (id as subscription_id) from current_subscriptions

    union all by name

    select * from subscription_history

),

mapped as (

    select
        subscriptions.subscription_id,
        coalesce(shop_customers.shop_customer_id, subscriptions.customer_id) as customer_id,
        subscriptions.sku as plan_id,
        subscriptions.status,
        subscriptions.order_interval_unit as billing_interval,
        subscriptions.cancellation_reason as cancel_reason,
        subscriptions.price as amount,
        subscriptions.charge_interval_frequency as interval_count,
        subscriptions.quantity,
        subscriptions.fivetran_deleted as is_deleted,
        {{ in_utc('subscriptions.created_at') }} as started_at,
        {{ in_utc('subscriptions.cancelled_at') }} as ended_at,
        {{ in_utc('subscriptions.updated_at') }} as updated_at,
        subscriptions.file,
        subscriptions.file_date,
        subscriptions.scan_position,
        case
            when
                {{ number_of('subscriptions.charge_interval_frequency') }}
                > {{ number_of('subscriptions.order_interval_frequency') }}
                then 'prepaid: the price is that of a charge, for several deliveries'
        end as remark

    from subscriptions
    left join shop_customers
        on subscriptions.customer_id = shop_customers.customer_id

)

select * from mapped
