with

lines as (

    select * from {{ ref('square__transaction_lines') }}

)

select
    transaction_id as order_id,
    customer_id,
    channel,
    currency,
    net_text as amount,
    discount_amount,
    tax_text as tax_amount,
    status_word as status,
    happened_at as ordered_at,
    file,
    file_date,
    scan_position,
    case when event <> 'payment' then 'part' end as record_role,
    case
        when is_refund then 'a refund of another record'
        when event <> 'payment' then 'event ' || event || ': neither a payment nor a refund'
    end as remark

from lines
