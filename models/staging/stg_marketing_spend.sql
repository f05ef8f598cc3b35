with

source as (

    select * from {{ ref('stg_marketing_spend_records') }}

),

accepted as (

    select
        channel,
        original_currency,
        original_amount,
        exchange_rate,
        amount,
        is_deleted,
        spend_date

    from source
    where outcome = 'accepted'

)

select * from accepted
