with

source as (

    select * from {{ read_texts(source('recurly_fivetran', 'account_history')) }}

)

select
    id as customer_id,
    email,
    account_country as country,
    {{ in_utc('created_at') }} as signed_up_at,
    {{ in_utc('updated_at') }} as updated_at,
    file,
    file_date,
    scan_position

from source
