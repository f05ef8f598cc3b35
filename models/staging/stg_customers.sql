with

source as (

    select * from {{ ref('stg_customer_records') }}

),

accepted as (

    select
        customer_id,
        referred_by_customer_id,
        merged_into_customer_id,
        country,
        acquisition_channel,
        marketing_consent,
        is_deleted,
        birth_date,
        signed_up_at,
        loyalty_joined_at,
        unsubscribed_at,
        merged_at{{ pass_through('customers') }}

    from source
    where outcome = 'accepted'

)

select * from accepted
