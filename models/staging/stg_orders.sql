with

source as (

    select * from {{ ref('stg_order_records') }}

),

accepted as (

    select
        order_id,
        customer_id,
        subscription_id,
        status,
        channel,
        original_currency,
        original_amount,
        exchange_rate,
        amount,
        discount_amount,
        tax_amount,
        shipping_amount,
        is_test,
        is_deleted,
        ordered_at,
        updated_at{{ pass_through('orders') }}

    from source
    where outcome = 'accepted'

)

select * from accepted
