with

lines as (

    select * from {{ read_texts(source('shopify_fivetran', 'order_line_refund')) }}

),

adjustments as (

    select * from {{ read_texts(source('shopify_fivetran', 'order_adjustment')) }}

),

-- Files may repeat a line or an adjustment: each counts once, as the latest file has it.
latest_lines as (

    select
        id,
        max_by(refund_id, (coalesce(file_date, date '1970-01-01'), file)) as refund_id,
        max_by(
            coalesce(subtotal, subtotal_set_shop_amount),
            (coalesce(file_date, date '1970-01-01'), file)
        ) as subtotal,
        max_by(
            coalesce(total_tax, total_tax_set_shop_amount),
            (coalesce(file_date, date '1970-01-01'), file)
        ) as total_tax,
        max(file) as file,
        min(scan_position) as scan_position

    from lines
    group by id

),

latest_adjustments as (

    select
        id,
        max_by(refund_id, (coalesce(file_date, date '1970-01-01'), file)) as refund_id,
        max_by(
            coalesce(amount, amount_set_shop_amount), (coalesce(file_date, date '1970-01-01'), file)
        ) as amount,
        max_by(
            lower(coalesce(kind, reason)), (coalesce(file_date, date '1970-01-01'), file)
        ) as kind,
        max(file) as file,
        min(scan_position) as scan_position

    from adjustments
    group by id

),

-- An adjustment is negative where more was paid back than the lines are worth. Shipping is no goods.
pieces as (

    select
        refund_id,
        subtotal as amount_text,
        {{ number_of('subtotal') }} as amount,
        coalesce({{ number_of('total_tax') }}, 0) as tax,
        file,
        scan_position

    from latest_lines

    union all

    select
        refund_id,
        amount as amount_text,
        -({{ number_of('amount') }}) as amount,
        0 as tax,
        file,
        scan_position

    from latest_adjustments
    where coalesce(kind, '') not like '%shipping%'

),

goods as (

    select
        refund_id,
        sum(amount) as amount,
        sum(tax) as tax,
        max(case when amount is null then amount_text end) as unreadable,
        max(file) as file,
        min(scan_position) as scan_position

    from pieces
    group by refund_id

)

select * from goods
