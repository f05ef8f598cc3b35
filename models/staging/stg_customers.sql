with

source as (

    select * from {{ ref('stg_customer_records') }}

),

accepted as (

    select
        customer_id,
        referred_by_customer_id,
        country,
        acquisition_channel,
        is_deleted,
        signed_up_at{{ pass_through('customers') }}

    from source
    where outcome = 'accepted'

)

select * from accepted
