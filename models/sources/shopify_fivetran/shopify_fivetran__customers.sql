with

customers as (

    select * from {{ read_texts(source('shopify_fivetran', 'customer')) }}

),

addresses as (

    select * from {{ read_texts(source('shopify_fivetran', 'customer_address')) }}

),

countries as (

    select
        id as address_id,
        max(country_code) as country_code

    from addresses
    group by id

),

default_countries as (

    select
        customer_id,
        max(country_code) as country_code

    from addresses
    where {{ is_true('is_default') }}
    group by customer_id

),

mapped as (

    select
        customers.id as customer_id,
        customers.email,
        coalesce(countries.country_code, default_countries.country_code) as country,
        customers.fivetran_deleted as is_deleted,
        {{ in_utc('customers.created_at') }} as signed_up_at,
        {{ in_utc('customers.updated_at') }} as updated_at,
        customers.file,
        customers.file_date,
        customers.scan_position

    from customers
    left join countries
        on customers.default_address_id = countries.address_id
    left join default_countries
        on customers.id = default_countries.customer_id

)

select * from mapped
