with

users as (

    select * from {{ read_texts(source('woocommerce', 'users')) }}

),

mapped as (

    select
        nullif(customer_id, '0') as customer_id,
        user_email as email,
        billing_country as country,
        {{ in_utc('user_registered') }} as signed_up_at,
        file,
        file_date,
        scan_position

    from users

)

select * from mapped
