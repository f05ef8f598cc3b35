with

orders as (

    select * from {{ read_texts(source('shopify_dlt', 'orders')) }}

),

refunds as (

    select * from {{ read_texts(source('shopify_dlt', 'orders__refunds')) }}

),

lines as (

    select * from {{ read_texts(source('shopify_dlt', 'orders__refunds__refund_line_items')) }}

),

adjustments as (

    select * from {{ read_texts(source('shopify_dlt', 'orders__refunds__order_adjustments')) }}

),

-- One row per order: its latest version.
order_facts as (

    select
        id as order_id,
        max_by(currency, coalesce(updated_at, '')) as currency,
        max_by(test, coalesce(updated_at, '')) as test,
        coalesce(
            {{ is_true("max_by(taxes_included, coalesce(updated_at, ''))") }}, false
        ) as holds_tax

    from orders
    group by id

),

-- Each version of an order has rows of its own for its refunds and their lines. An adjustment is negative where more was
-- paid back than the lines are worth. Shipping is no goods.
pieces as (

    select
        dlt_id,
        dlt_parent_id,
        coalesce(subtotal, subtotal_v_double) as amount_text,
        {{ number_of('coalesce(subtotal, subtotal_v_double)') }} as amount,
        coalesce({{ number_of('coalesce(total_tax, total_tax_v_double)') }}, 0) as tax,
        file,
        scan_position

    from lines

    union all

    select
        dlt_id,
        dlt_parent_id,
        amount as amount_text,
        -({{ number_of('amount') }}) as amount,
        0 as tax,
        file,
        scan_position

    from adjustments
    where coalesce(kind, '') not like '%shipping%'

),

-- A file may be delivered twice.
distinct_pieces as (

    select
        dlt_id,
        min(dlt_parent_id) as dlt_parent_id,
        min(amount_text) as amount_text,
        min(amount) as amount,
        min(tax) as tax,
        min(file) as file,
        min(scan_position) as scan_position

    from pieces
    group by dlt_id

),

goods as (

    select
        dlt_parent_id,
        sum(amount) as amount,
        sum(tax) as tax,
        max(case when amount is null then amount_text end) as unreadable,
        max(file) as file,
        min(scan_position) as scan_position

    from distinct_pieces
    group by dlt_parent_id

),

priced as (

    select
        refunds.*,
        order_facts.currency,
        order_facts.test,
        goods.unreadable,
        goods.amount - case when order_facts.holds_tax then goods.tax else 0 end as goods_amount,
        (select count(*) from lines) > 0 as has_lines

    from refunds
    left join goods
        on refunds.dlt_id = goods.dlt_parent_id
    left join order_facts
        on refunds.order_id = order_facts.order_id

),

mapped as (

    select
        id as refund_id,
        order_id,
        currency,
        coalesce(
            unreadable,
            cast(case when goods_amount < 0 then 0 else goods_amount end as varchar),
            case when has_lines then '0' end
        ) as amount,
        test as is_test,
        {{ in_utc('coalesce(processed_at, created_at)') }} as refunded_at,
        file,
        file_date,
        scan_position,
        cast(null as varchar) as record_role,
        case
            when goods_amount is null and unreadable is null and not has_lines
                then
                    'the table orders__refunds__refund_line_items is missing, which says its worth'
        end as mapping_fault,
        case
            when unreadable is not null then null
            when goods_amount < 0 then 'amount is 0: adjustments take back more than its lines'
            when goods_amount is null and has_lines then 'amount is 0: it has no lines'
        end as remark

    from priced

),

-- Lines must not vanish because their refund is missing.
without_refund as (

    select
        goods.dlt_parent_id as refund_id,
        cast(null as varchar) as order_id,
        cast(null as varchar) as currency,
        cast(goods.amount as varchar) as amount,
        cast(null as varchar) as is_test,
        cast(null as varchar) as refunded_at,
        goods.file,
        cast(null as date) as file_date,
        goods.scan_position,
        'derived' as record_role,
        'lines of a refund that is in no file of the table orders__refunds' as mapping_fault,
        cast(null as varchar) as remark

    from goods
    left join refunds
        on goods.dlt_parent_id = refunds.dlt_id
    where refunds.id is null

)

select * from mapped

union all

select * from without_refund
