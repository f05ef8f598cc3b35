with

source as (

    select * from {{ read_texts(source('stripe_airbyte', 'customers')) }}

)

select
    id as customer_id,
    email,
    {{ json_value('address', '$.country') }} as country,
    case when lower(deleted) = 'true' then 'true' end as is_deleted,
    {{ iso_from_epoch('created') }} as signed_up_at,
    {{ loaded_at() }} as updated_at,
    file,
    file_date,
    scan_position

from source
