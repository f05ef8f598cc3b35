with

contacts as (

    select * from {{ ref('stg_contacts') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

assessed as (

    select
        contacts.*,
        {{ local_date('contacts.sent_at') }} as sent_on,
        case
            when contacts.is_deleted then 'deleted'
            when contacts.sent_at >= as_of.as_of_at then 'after as_of'
        end as not_counted_reason

    from contacts
    cross join as_of

)

select
    contact_id,
    customer_id,
    play_id,
    step,
    channel,
    not_counted_reason,
    original_cost,
    cost,
    not_counted_reason is null as is_counted,
    sent_at,
    sent_on

from assessed
