with

source as (

    select * from {{ ref('stg_milestone_records') }}

),

accepted as (

    select
        customer_id,
        milestone,
        is_deleted,
        reached_at
    from source
    where outcome = 'accepted'

)

select * from accepted
