with

lines as (

    select * from {{ ref('square__transaction_lines') }}

),

payments as (

    select distinct transaction_id
    from lines
    where event = 'payment'

)

-- What was paid back for items stands in the net sales, and what was paid back without naming items
-- in the partial refunds.
select
    case
        when lines.is_refund then lines.transaction_id || ':' || lines.happened_at
        else lines.transaction_id || ':partial'
    end as refund_id,
    payments.transaction_id as order_id,
    lines.customer_id,
    lines.currency,
    case
        when lines.is_refund
            then
                coalesce(
                    cast(abs(lines.net_amount + lines.partial_refund) as varchar), lines.net_text
                )
        else cast(abs(lines.partial_refund) as varchar)
    end as amount,
    lines.happened_at as refunded_at,
    lines.file,
    lines.file_date,
    lines.scan_position,
    'derived' as record_role,
    case
        when not lines.is_refund
            then 'a partial refund stands on its payment: its day is that of the payment'
        when payments.transaction_id is null then 'the payment of a refund is in no file'
    end as remark

from lines
left join payments
    on lines.transaction_id = payments.transaction_id
where lines.is_refund or lines.partial_refund <> 0
