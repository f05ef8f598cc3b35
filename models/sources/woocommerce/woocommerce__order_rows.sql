{%- set forms = ['%m/%d/%Y %H:%M:%S', '%Y-%m-%d %H:%M:%S', '%m/%d/%Y %H:%M', '%Y-%m-%d %H:%M'] -%}
with

orders as (

    select * from {{ read_texts(source('woocommerce', 'orders')) }}

),

with_numbers as (

    select
        *,
        coalesce(discount_total, cart_discount) as discount,
        {{ iso_from("regexp_replace(order_date, '\\s+', ' ', 'g')", forms) }} as ordered_at,
        {{ iso_from("regexp_replace(paid_date, '\\s+', ' ', 'g')", forms) }} as paid_at,
        item_product_id is not null
        and row_number() over (partition by file, order_id order by scan_position) > 1 as is_item,
        {{ number_of('order_subtotal') }}
        - {{ number_of("coalesce(discount_total, cart_discount, '0')") }} as discounted,
        {{ number_of('order_total') }}
        - {{ number_of("coalesce(tax_total, '0')") }}
        - {{ number_of("coalesce(shipping_total, '0')") }}
        - {{ number_of("coalesce(fee_total, '0')") }} as without_extras

    from orders

),

with_days as (

    select
        *,
        coalesce(
            file_date,
            {{ local_date(
                "max(greatest(" ~ cast_text('ordered_at', 'timestamp') ~ ", " ~ cast_text('paid_at', 'timestamp')
                ~ ")) over (partition by file)"
            ) }}
        ) as exported_on

    from with_numbers

)

-- Where a number cannot be read, the texts stand for the amount, and are refused.
select
    order_id,
    coalesce(
        case when customer_id not in ('0', '0.0') then customer_id end,
        case when customer_user not in ('0', '0.0') then customer_user end
    ) as customer_id,
    nullif(meta_subscription_renewal, '0') as subscription_id,
    regexp_replace(lower(status), '^wc-', '') as status,
    order_currency as currency,
    case
        when order_subtotal is not null
            then coalesce(cast(discounted as varchar), concat_ws(' ', order_subtotal, discount))
        else
            coalesce(
                cast(without_extras as varchar),
                nullif(concat_ws(' ', order_total, tax_total, shipping_total, fee_total), '')
            )
    end as amount,
    discount as discount_amount,
    tax_total as tax_amount,
    shipping_total as shipping_amount,
    refund_items,
    file,
    scan_position,
    is_item,
    file_date,
    exported_on,
    ordered_at

from with_days
