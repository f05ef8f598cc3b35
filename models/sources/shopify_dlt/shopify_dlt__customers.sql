with

customers as (

    select * from {{ read_texts(source('shopify_dlt', 'customers')) }}

),

mapped as (

    select
        id as customer_id,
        email,
        default_address_country_code as country,
        {{ in_utc('created_at') }} as signed_up_at,
        {{ in_utc('updated_at') }} as updated_at,
        file,
        file_date,
        scan_position

    from customers

)

select * from mapped
