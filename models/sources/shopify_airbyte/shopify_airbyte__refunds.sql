with

orders as (

    select * from {{ read_texts(source('shopify_airbyte', 'orders')) }}

),

order_refunds as (

    select * from {{ read_texts(source('shopify_airbyte', 'order_refunds')) }}

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

refunds_in_orders as (

    select
        id as order_id,
        unnest({{ json_elements('refunds') }}) as refund,
        file,
        file_date,
        scan_position

    from orders

),

refunds as (

    select
        id,
        order_id,
        coalesce(processed_at, created_at) as refunded_at,
        refund_line_items,
        order_adjustments,
        file,
        file_date,
        scan_position,
        cast(null as varchar) as record_role

    from order_refunds

    union all

    select
        {{ json_value('refund', '$.id') }} as id,
        order_id,
        coalesce(
            {{ json_value('refund', '$.processed_at') }}, {{ json_value('refund', '$.created_at') }}
        ) as refunded_at,
        cast(json_extract(refund, '$.refund_line_items') as varchar) as refund_line_items,
        cast(json_extract(refund, '$.order_adjustments') as varchar) as order_adjustments,
        file,
        file_date,
        scan_position,
        'derived' as record_role

    from refunds_in_orders

),

numbered as (

    select
        *,
        row_number() over (order by file, scan_position, id, record_role) as refund_number

    from refunds

),

lines as (

    select
        refund_number,
        unnest({{ json_elements('refund_line_items') }}) as line

    from numbered

),

adjustments as (

    select
        refund_number,
        unnest({{ json_elements('order_adjustments') }}) as adjustment

    from numbered

),

-- An adjustment is negative where more was paid back than the lines are worth. Shipping is no goods.
pieces as (

    select
        refund_number,
        {{ json_value('line', '$.subtotal') }} as amount_text,
        {{ number_of(json_value('line', '$.subtotal')) }} as amount,
        coalesce({{ number_of(json_value('line', '$.total_tax')) }}, 0) as tax

    from lines

    union all

    select
        refund_number,
        {{ json_value('adjustment', '$.amount') }} as amount_text,
        -({{ number_of(json_value('adjustment', '$.amount')) }}) as amount,
        0 as tax

    from adjustments
    where coalesce({{ json_value('adjustment', '$.kind') }}, '') not like '%shipping%'

),

goods as (

    select
        refund_number,
        sum(amount) as amount,
        sum(tax) as tax,
        max(case when amount is null then amount_text end) as unreadable

    from pieces
    group by refund_number

),

priced as (

    select
        numbered.*,
        order_facts.currency,
        order_facts.test,
        goods.unreadable,
        goods.amount - case when order_facts.holds_tax then goods.tax else 0 end as goods_amount

    from numbered
    left join goods
        on numbered.refund_number = goods.refund_number
    left join order_facts
        on numbered.order_id = order_facts.order_id

),

mapped as (

    select
        id as refund_id,
        order_id,
        currency,
        coalesce(
            unreadable,
            cast(case when goods_amount < 0 then 0 else goods_amount end as varchar),
            '0'
        ) as amount,
        test as is_test,
        {{ in_utc('refunded_at') }} as refunded_at,
        file,
        file_date,
        scan_position,
        record_role,
        case
            when unreadable is not null then null
            when goods_amount < 0 then 'amount is 0: adjustments take back more than its lines'
            when goods_amount is null then 'amount is 0: it has no lines'
        end as remark

    from priced

)

select * from mapped
