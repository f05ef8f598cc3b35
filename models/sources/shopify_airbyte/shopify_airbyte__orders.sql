with

orders as (

    select * from {{ read_texts(source('shopify_airbyte', 'orders')) }}

),

with_facts as (

    select
        *,
        {{ json_value('total_shipping_price_set', '$.shop_money.amount') }} as total_shipping,
        coalesce({{ is_true('taxes_included') }}, false)
        and coalesce({{ number_of('total_tax') }} > 0, false) as holds_tax,
        coalesce(source_name like 'subscription_contract%', false)
        or coalesce(tags ilike '%subscription recurring order%', false) as is_renewal

    from orders

),

-- Of a deleted order only its id is left: the time of its end stands in for the rest, which counts nowhere.
mapped as (

    select
        id as order_id,
        {{ json_value('customer', '$.id') }} as customer_id,
        case when is_renewal then 'unnamed' end as subscription_id,
        case when cancelled_at is not null then 'cancelled' else financial_status end as status,
        source_name as channel,
        currency,
        case
            when deleted_at is not null then coalesce(subtotal_price, '0')
            when holds_tax
                then
                    coalesce(
                        cast({{ without_tax(
                            number_of('subtotal_price'), number_of('total_tax'), number_of('total_shipping')
                        ) }} as varchar),
                        subtotal_price
                    )
            else subtotal_price
        end as amount,
        total_discounts as discount_amount,
        total_tax as tax_amount,
        total_shipping as shipping_amount,
        test as is_test,
        case when deleted_at is not null then 'true' end as is_deleted,
        {{ in_utc('coalesce(processed_at, created_at, deleted_at)') }} as ordered_at,
        {{ in_utc('coalesce(deleted_at, updated_at)') }} as updated_at,
        file,
        file_date,
        scan_position,
        nullif(concat_ws(
            '; ',
            case when holds_tax then 'tax is taken out of the price' end,
            case
                when is_renewal then 'a renewal by its source or tags, of an unnamed subscription'
            end
        ), '') as remark

    from with_facts

)

select * from mapped
