with

refunds as (

    select * from {{ read_texts(source('shopify_fivetran', 'refund')) }}

),

lines as (

    select * from {{ read_texts(source('shopify_fivetran', 'order_line_refund')) }}

),

adjustments as (

    select * from {{ read_texts(source('shopify_fivetran', 'order_adjustment')) }}

),

orders as (

    select * from {{ ref('shopify_fivetran__orders_of_both_apis') }}

),

-- One row per order: its latest version.
order_facts as (

    select
        id as order_id,
        max_by(currency, coalesce(updated_at, '')) as currency,
        max_by(test, coalesce(updated_at, '')) as test,
        max_by({{ number_of('subtotal_price') }}, coalesce(updated_at, '')) as goods,
        coalesce(max_by(lower(taxes_included), coalesce(updated_at, '')), '')
        in ('true', '1') as holds_tax

    from orders
    group by id

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

),

priced as (

    select
        refunds.*,
        order_facts.currency,
        order_facts.test,
        goods.unreadable,
        goods.amount - case when order_facts.holds_tax then goods.tax else 0 end as goods_amount,
        {{ number_of('refunds.total_refunded_set_shop_amount') }} as total_refunded,
        order_facts.goods as order_amount,
        (select count(*) from lines) > 0 as has_lines

    from refunds
    left join goods
        on refunds.id = goods.refund_id
    left join order_facts
        on refunds.order_id = order_facts.order_id

),

-- All that was paid back holds tax and shipping: the price of the order is its limit.
limited as (

    select
        *,
        case
            when total_refunded > order_amount then order_amount
            else total_refunded
        end as total_amount

    from priced

),

mapped as (

    select
        id as refund_id,
        order_id,
        currency,
        coalesce(
            unreadable,
            cast(case when goods_amount < 0 then 0 else goods_amount end as varchar),
            cast(total_amount as varchar),
            case when has_lines then '0' end
        ) as amount,
        test as is_test,
        fivetran_deleted as is_deleted,
        {{ in_utc('coalesce(processed_at, created_at)') }} as refunded_at,
        {{ in_utc('updated_at') }} as updated_at,
        file,
        file_date,
        scan_position,
        cast(null as varchar) as record_role,
        case
            when
                goods_amount is null and unreadable is null
                and total_amount is null and not has_lines
                then 'the table order_line_refund, which says how much it was, is missing'
        end as mapping_fault,
        case
            when unreadable is not null then null
            when goods_amount < 0 then 'amount is 0: adjustments take back more than its lines'
            when goods_amount is null and total_amount is not null
                then 'amount is all that was paid back, up to the price of the order'
            when goods_amount is null and has_lines then 'amount is 0: it has no lines'
        end as remark

    from limited

),

-- Lines must not vanish because their refund is missing.
without_refund as (

    select
        goods.refund_id,
        cast(null as varchar) as order_id,
        cast(null as varchar) as currency,
        cast(goods.amount as varchar) as amount,
        cast(null as varchar) as is_test,
        cast(null as varchar) as is_deleted,
        cast(null as varchar) as refunded_at,
        cast(null as varchar) as updated_at,
        goods.file,
        cast(null as date) as file_date,
        goods.scan_position,
        'derived' as record_role,
        'lines of a refund that is in no file of the table refund' as mapping_fault,
        cast(null as varchar) as remark

    from goods
    left join refunds
        on goods.refund_id = refunds.id
    where refunds.id is null

)

select * from mapped

union all

select * from without_refund
