with

source as (

    select * from {{ ref('stg_refund_records') }}

),

accepted as (

    select
        refund_id,
        order_id,
        original_currency,
        original_amount,
        exchange_rate,
        amount,
        refunded_at

    from source
    where outcome = 'accepted'

)

select * from accepted
