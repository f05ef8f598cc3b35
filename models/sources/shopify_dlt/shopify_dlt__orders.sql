with

orders as (

    select * from {{ read_texts(source('shopify_dlt', 'orders')) }}

),

with_facts as (

    select
        *,
        coalesce({{ is_true('taxes_included') }}, false)
        and coalesce({{ number_of('total_tax') }} > 0, false) as holds_tax,
        coalesce(source_name like 'subscription_contract%', false)
        or coalesce(tags ilike '%subscription recurring order%', false) as is_renewal

    from orders

),

mapped as (

    select
        id as order_id,
        customer_id,
        case when is_renewal then 'unnamed' end as subscription_id,
        case when cancelled_at is not null then 'cancelled' else financial_status end as status,
        source_name as channel,
        currency,
        case
            when holds_tax
                then
                    coalesce(
                        cast({{ without_tax(
                            number_of('subtotal_price'), number_of('total_tax'), number_of('total_shipping_price_set_shop_money_amount')
                        ) }} as varchar),
                        subtotal_price
                    )
            else subtotal_price
        end as amount,
        total_discounts as discount_amount,
        total_tax as tax_amount,
        total_shipping_price_set_shop_money_amount as shipping_amount,
        test as is_test,
        {{ in_utc('coalesce(processed_at, created_at)') }} as ordered_at,
        {{ in_utc('updated_at') }} as updated_at,
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
