with

source as (

    select * from {{ ref('stg_feedback_records') }}

),

accepted as (

    select
        feedback_id,
        customer_id,
        kind,
        score,
        is_deleted,
        given_at,
        resolved_at

    from source
    where outcome = 'accepted'

)

select * from accepted
