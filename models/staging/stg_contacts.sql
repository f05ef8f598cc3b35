with

source as (

    select * from {{ ref('stg_contact_records') }}

),

accepted as (

    select
        contact_id,
        customer_id,
        play_id,
        step,
        channel,
        original_currency,
        original_cost,
        exchange_rate,
        cost,
        is_deleted,
        sent_at

    from source
    where outcome = 'accepted'

)

select * from accepted
