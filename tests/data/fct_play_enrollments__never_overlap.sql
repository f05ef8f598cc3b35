with

in_sequence as (

    select
        customer_id,
        play_id,
        enrolled_on,
        left_on,
        lead(play_id) over (partition by customer_id order by enrolled_on) as next_play_id,
        lead(enrolled_on) over (partition by customer_id order by enrolled_on) as next_enrolled_on

    from {{ ref('fct_play_enrollments') }}

)

select * from in_sequence
where
    left_on <= enrolled_on
    or next_enrolled_on < coalesce(left_on, date '9999-12-31')
