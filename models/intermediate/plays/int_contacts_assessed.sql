with

contacts as (

    select * from {{ ref('stg_contacts') }}

),

merged_accounts as (

    select * from {{ ref('int_accounts_merged') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

assessed as (

    select
        contacts.*,
        coalesce(merged_accounts.customer_id, contacts.customer_id) as owner_id,
        {{ local_date('contacts.sent_at') }} as sent_on,
        case
            when contacts.is_deleted then 'deleted'
            when contacts.sent_at >= as_of.as_of_at then 'after as_of'
        end as not_counted_reason

    from contacts
    cross join as_of
    left join merged_accounts
        on contacts.customer_id = merged_accounts.account_id

)

select
    contact_id,
    owner_id as customer_id,
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
