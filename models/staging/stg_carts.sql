with

source as (

    select * from {{ ref('stg_cart_records') }}

),

accepted as (

    select
        cart_id,
        customer_id,
        order_id,
        original_currency,
        original_amount,
        exchange_rate,
        amount,
        is_deleted,
        created_at

    from source
    where outcome = 'accepted'

)

select * from accepted
