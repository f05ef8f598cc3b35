with

order_lines as (

    select * from {{ ref('shopify_admin__order_lines') }}

),

mapped as (

    select
        order_id,
        case when is_first then customer_id end as customer_id,
        case when is_first and is_renewal then 'unnamed' end as subscription_id,
        status,
        channel,
        currency,
        amount,
        discount_amount,
        tax_amount,
        shipping_amount,
        case when is_first and is_test then 'true' end as is_test,
        case when is_first then ordered_at end as ordered_at,
        file,
        -- the later export wins, also where its name has no day
        exported_on as file_date,
        scan_position,
        case when not is_first and has_order then 'part' end as record_role,
        case when not has_order then 'line item of no order' end as mapping_fault,
        case
            when is_first
                then
                    nullif(concat_ws(
                        '; ',
                        case
                            when is_hashed
                                then 'customer_id is a hash of the e-mail, of no customers file'
                        end,
                        case when holds_tax then 'tax is taken out of the price' end,
                        case
                            when is_renewal
                                then 'a renewal by its source or tags, of an unnamed subscription'
                        end
                    ), '')
        end as remark

    from order_lines

)

select * from mapped
