with

lines as (

    select * from {{ ref('paypal__activity_lines') }}

)

select
    transaction_id as refund_id,
    reference_txn_id as order_id,
    receiver_id as customer_id,
    nullif(status_word, '') as status,
    currency,
    paid_amount as amount,
    happened_at as refunded_at,
    file,
    file_date,
    scan_position,
    'derived' as record_role,
    date_remark as remark

from lines
where kind = 'refund'
