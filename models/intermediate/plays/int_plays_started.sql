with

plays as (

    select * from {{ ref('plays') }}

),

-- The night after the first contact knows of it, so the play runs from the next day on.
first_contacts as (

    select
        play_id,
        cast({{ dbt.dateadd('day', 1, 'min(sent_on)') }} as date) as known_on

    from {{ ref('int_contacts_assessed') }}
    where is_counted
    group by play_id

),

dated as (

    select
        plays.play_id,
        plays.trigger,
        plays.days,
        coalesce(plays.starts_on, first_contacts.known_on) as starts_on,
        plays.ends_on

    from plays
    left join first_contacts
        on plays.play_id = first_contacts.play_id

)

select
    play_id,
    trigger,
    days,
    starts_on,
    ends_on

from dated
where starts_on is not null and (ends_on is null or ends_on > starts_on)
