with

first_enrollments as (

    select
        play_id,
        min(enrolled_on) as enrolled_on

    from {{ ref('fct_play_enrollments') }}
    group by play_id

),

first_contacts as (

    select
        play_id,
        min(sent_on) as sent_on

    from {{ ref('int_contacts_assessed') }}
    where is_counted
    group by play_id

)

select
    plays.play_id,
    plays.starts_on,
    first_contacts.sent_on as first_sent_on,
    first_enrollments.enrolled_on as first_enrolled_on

from first_enrollments
inner join {{ ref('plays') }} as plays
    on first_enrollments.play_id = plays.play_id
left join first_contacts
    on first_enrollments.play_id = first_contacts.play_id
where
    first_enrollments.enrolled_on < plays.starts_on
    or (
        plays.starts_on is null
        and coalesce(first_enrollments.enrolled_on <= first_contacts.sent_on, true)
    )
