with

events as (

    select * from {{ read_texts(source('stripe_api', 'events')) }}

),

subscription_rows as (

    select * from {{ ref('stripe__subscription_rows') }}
    where system = 'stripe_api'

)

select * from subscription_rows

union all by name

select
    file,
    file_date,
    scan_position,
    'part' as record_role,
    'events of other objects are not used' as remark

from events
where coalesce(type not like 'customer.subscription.%', true)
