with

source as (

    select * from {{ ref('stg_ticket_records') }}

),

accepted as (

    select
        ticket_id,
        customer_id,
        channel,
        transfers,
        is_deleted,
        opened_at,
        first_response_at,
        resolved_at

    from source
    where outcome = 'accepted'

)

select * from accepted
