with

customers as (

    select * from {{ read_texts(source('shopify_admin', 'customers')) }}

),

mapped as (

    select
        coalesce(ltrim(customer_id, ''''), {{ hashed('email') }}) as customer_id,
        email,
        coalesce(default_address_country_code, country_code) as country,
        file,
        file_date,
        scan_position,
        case
            when customer_id is null and email is not null
                then 'customer_id is a hash of the e-mail, for the file has no ids'
        end as remark

    from customers

)

select * from mapped
