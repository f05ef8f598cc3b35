with

source as (

    select * from {{ read_texts(source('stripe_airbyte', 'customers')) }}

)

select
    id as customer_id,
    email,
    {{ json_value(json_only('address'), '$.country') }} as country,
    {{ iso_from_epoch('created') }} as signed_up_at,
    {{ loaded_at() }} as updated_at,
    file,
    file_date,
    scan_position,
    -- what is left of a deleted customer is the id; the revenue of the past stays
    case when lower(deleted) = 'true' then 'part' end as record_role,
    case
        when lower(deleted) = 'true'
            then 'the customer was deleted at Stripe: what was known before stands'
    end as remark

from source
