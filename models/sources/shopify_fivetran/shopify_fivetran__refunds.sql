with

refunds as (

    select * from {{ read_texts(source('shopify_fivetran', 'refund')) }}

),

goods as (

    select * from {{ ref('shopify_fivetran__refunded_goods') }}

),

lines as (

    select * from {{ read_texts(source('shopify_fivetran', 'order_line_refund')) }}

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
        coalesce(
            {{ is_true("max_by(taxes_included, coalesce(updated_at, ''))") }}, false
        ) as holds_tax

    from orders
    group by id

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
