with

source as (

    select * from {{ read_texts(source('stripe_dashboard', 'customers')) }}

)

select
    id as customer_id,
    email,
    {{ iso_from('created_utc', ['%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S'], "'UTC'") }} as signed_up_at,
    file,
    file_date,
    scan_position

from source
