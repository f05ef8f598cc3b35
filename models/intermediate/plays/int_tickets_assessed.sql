with

tickets as (

    select * from {{ ref('stg_tickets') }}

),

merged_accounts as (

    select * from {{ ref('int_accounts_merged') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- A time from as_of on is no event yet.
assessed as (

    select
        tickets.*,
        coalesce(merged_accounts.customer_id, tickets.customer_id) as owner_id,
        {{ local_date('tickets.opened_at') }} as opened_on,
        case
            when tickets.first_response_at < as_of.as_of_at then tickets.first_response_at
        end as first_response_at_so_far,
        case
            when tickets.resolved_at < as_of.as_of_at then tickets.resolved_at
        end as resolved_at_so_far,
        case
            when tickets.is_deleted then 'deleted'
            when tickets.opened_at >= as_of.as_of_at then 'after as_of'
        end as not_counted_reason

    from tickets
    cross join as_of
    left join merged_accounts
        on tickets.customer_id = merged_accounts.account_id

)

select
    ticket_id,
    owner_id as customer_id,
    channel,
    not_counted_reason,
    transfers,
    not_counted_reason is null as is_counted,
    opened_at,
    first_response_at_so_far as first_response_at,
    resolved_at_so_far as resolved_at,
    opened_on

from assessed
