with

customers as (

    select * from {{ read_texts(source('shopify_airbyte', 'customers')) }}

),

mapped as (

    select
        id as customer_id,
        email,
        {{ json_value('default_address', '$.country_code') }} as country,
        case when deleted_at is not null then 'true' end as is_deleted,
        {{ in_utc('created_at') }} as signed_up_at,
        {{ in_utc('coalesce(deleted_at, updated_at)') }} as updated_at,
        file,
        file_date,
        scan_position

    from customers

)

select * from mapped
