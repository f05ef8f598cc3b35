with

rest_orders as (

    select * from {{ read_texts(source('shopify_fivetran', 'order')) }}

),

graphql_orders as (

    select * from {{ read_texts(source('shopify_fivetran', 'order_graphql')) }}

),

unioned as (

    select
        id,
        customer_id,
        financial_status,
        source_name,
        currency,
        subtotal_price,
        total_discounts,
        total_tax,
        {{ json_value('total_shipping_price_set', '$.shop_money.amount') }} as total_shipping,
        taxes_included,
        test,
        fivetran_deleted,
        coalesce(processed_at, created_at) as ordered_at,
        updated_at,
        cancelled_at,
        file,
        file_date,
        scan_position

    from rest_orders

    union all

    select
        id,
        customer_id,
        display_financial_status as financial_status,
        source_name,
        subtotal_price_set_shop_currency_code as currency,
        subtotal_price_set_shop_amount as subtotal_price,
        total_discounts_set_shop_amount as total_discounts,
        total_tax_set_shop_amount as total_tax,
        total_shipping_price_set_shop_amount as total_shipping,
        taxes_included,
        test,
        fivetran_deleted,
        coalesce(processed_at, created_at) as ordered_at,
        updated_at,
        cancelled_at,
        file,
        file_date,
        scan_position

    from graphql_orders

)

select * from unioned
