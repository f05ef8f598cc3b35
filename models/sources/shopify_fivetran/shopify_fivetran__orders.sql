with

orders as (

    select * from {{ ref('shopify_fivetran__orders_of_both_apis') }}

),

tags as (

    select * from {{ read_texts(source('shopify_fivetran', 'order_tag')) }}

),

tagged_as_renewals as (

    select distinct order_id
    from tags
    where lower(value) = 'subscription recurring order'

),

with_facts as (

    select
        orders.*,
        coalesce({{ is_true('orders.taxes_included') }}, false)
        and coalesce({{ number_of('orders.total_tax') }} > 0, false) as holds_tax,
        tagged_as_renewals.order_id is not null
        or coalesce(orders.source_name like 'subscription_contract%', false) as is_renewal

    from orders
    left join tagged_as_renewals
        on orders.id = tagged_as_renewals.order_id

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
        fivetran_deleted as is_deleted,
        {{ in_utc('ordered_at') }} as ordered_at,
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
