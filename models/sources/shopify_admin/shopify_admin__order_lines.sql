with

orders as (

    select * from {{ read_texts(source('shopify_admin', 'orders')) }}

),

customers as (

    select * from {{ read_texts(source('shopify_admin', 'customers')) }}

),

-- One row per e-mail: the customer who has it in the latest export.
customer_ids as (

    select
        lower(email) as email,
        max_by(
            ltrim(customer_id, ''''), (coalesce(file_date, date '1970-01-01'), file, scan_position)
        ) as customer_id

    from customers
    where email is not null and customer_id is not null
    group by lower(email)

),

with_numbers as (

    select
        *,
        coalesce(id, financial_status, subtotal, total) is not null as is_first,
        {{ number_of('subtotal') }} as goods,
        coalesce({{ number_of('shipping') }}, 0) as shipping_number,
        coalesce({{ number_of('taxes') }}, 0) as tax,
        {{ number_of('total') }} as total_number,
        greatest(
            {{ cast_text('created_at', 'timestamp') }},
            {{ cast_text('paid_at', 'timestamp') }},
            {{ cast_text('fulfilled_at', 'timestamp') }},
            {{ cast_text('cancelled_at', 'timestamp') }}
        ) as latest_at

    from orders

),

with_orders as (

    select
        *,
        coalesce(
            ltrim(id, ''''), max(ltrim(id, '''')) over (partition by name), name
        ) as order_id,
        -- The order may stand in another file of the same export.
        bool_or(is_first) over (partition by name) as has_order,
        -- Nothing else tells a shop whose prices hold tax.
        is_first and tax > 0 and abs(total_number - goods - shipping_number) < 0.005 as holds_tax,
        coalesce(
            file_date, {{ local_date('max(latest_at) over (partition by file)') }}
        ) as exported_on

    from with_numbers

)

select
    with_orders.order_id,
    case
        when with_orders.email is not null
            then coalesce(customer_ids.customer_id, {{ hashed('with_orders.email') }})
    end as customer_id,
    case
        when with_orders.cancelled_at is not null then 'cancelled'
        else with_orders.financial_status
    end as status,
    lower(with_orders.source) as channel,
    with_orders.currency,
    case
        when with_orders.holds_tax
            then
                coalesce(
                    cast({{ without_tax(
                        'with_orders.goods', 'with_orders.tax', 'with_orders.shipping_number'
                    ) }} as varchar),
                    with_orders.subtotal
                )
        else with_orders.subtotal
    end as amount,
    with_orders.discount_amount,
    with_orders.taxes as tax_amount,
    with_orders.shipping as shipping_amount,
    with_orders.refunded_amount,
    with_orders.file,
    with_orders.scan_position,
    with_orders.is_first,
    coalesce(with_orders.has_order, false) as has_order,
    coalesce(with_orders.holds_tax, false) as holds_tax,
    with_orders.email is not null and customer_ids.customer_id is null as is_hashed,
    coalesce(with_orders.source like 'subscription_contract%', false)
    or coalesce(with_orders.tags ilike '%subscription recurring order%', false) as is_renewal,
    coalesce(with_orders.payment_method ilike '%bogus%', false) as is_test,
    with_orders.file_date,
    with_orders.exported_on,
    with_orders.created_at as ordered_at

from with_orders
left join customer_ids
    on lower(with_orders.email) = customer_ids.email
