with

lines as (

    select * from {{ ref('paypal__activity_lines') }}

)

select
    transaction_id as order_id,
    sender_id as customer_id,
    -- a refund is a line of its own
    case
        when status_word in ('refunded', 'partially_refunded', 'reversed') then 'completed'
        else nullif(status_word, '')
    end as status,
    currency,
    goods_amount as amount,
    tax_amount,
    shipping_amount,
    happened_at as ordered_at,
    case when reference_txn_id like 'I-%' then reference_txn_id end as subscription_id,
    file,
    file_date,
    scan_position,
    case when kind <> 'payment' then 'part' end as record_role,
    case
        when kind = 'refund' then 'a refund of another record'
        when kind = 'other' and regexp_matches(lower(type), 'payment|checkout')
            then coalesce(type, 'a line') || ': money that the shop paid, or no payment'
        when kind = 'other' then coalesce(type, 'a line') || ': neither a payment nor a refund'
        else date_remark
    end as remark

from lines
