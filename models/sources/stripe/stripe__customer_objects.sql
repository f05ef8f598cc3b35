with

api_customers as (

    select * from {{ read_texts(source('stripe_api', 'customers')) }}

),

airbyte_customers as (

    select * from {{ read_texts(source('stripe_airbyte', 'customers')) }}

),

customers as (

    select
        'stripe_api' as system,
        *

    from api_customers

    union all by name

    select
        'stripe_airbyte' as system,
        *

    from airbyte_customers

)

-- What is left of a deleted customer is the id; the revenue of the past stays.
select
    system,
    id as customer_id,
    email,
    {{ json_value('address', '$.country') }} as country,
    {{ iso_from_epoch('created') }} as signed_up_at,
    {{ loaded_at() }} as updated_at,
    file,
    file_date,
    scan_position,
    case when {{ is_true('deleted') }} then 'part' end as record_role,
    case
        when {{ is_true('deleted') }}
            then 'the customer was deleted at Stripe: what was known before stands'
    end as remark

from customers
