with

source as (

    select * from {{ ref('stg_refund_records') }}

),

accepted as (

    select
        refund_id,
        order_id,
        customer_id,
        status,
        original_currency,
        original_amount,
        exchange_rate,
        amount,
        is_test,
        is_deleted,
        refunded_at,
        updated_at

    from source
    where outcome = 'accepted'

)

select * from accepted
