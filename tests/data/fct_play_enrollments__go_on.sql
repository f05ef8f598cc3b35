{{ config(severity='warn') }}

-- The chance that a play which enrolled on so many days of the time before enrols on none of the days
-- since. A play that enrols once a month may be silent for months.
with

days as (

    select distinct
        play_id,
        enrolled_on
    from {{ ref('fct_play_enrollments') }}

),

totals as (

    select
        play_id,
        max(enrolled_on) as last_enrolled_on,
        count(*) as days_with_enrolments,
        {{ dbt.datediff('min(enrolled_on)', 'max(enrolled_on)', 'day') }} + 1 as days_so_far

    from days
    group by play_id

),

silences as (

    select
        totals.play_id,
        totals.last_enrolled_on,
        {{ dbt.datediff('totals.last_enrolled_on', 'as_of.as_of', 'day') }} as silent_days,
        power(
            1 - {{ safe_divide('totals.days_with_enrolments', 'totals.days_so_far + 1') }},
            {{ dbt.datediff('totals.last_enrolled_on', 'as_of.as_of', 'day') }}
        ) as chance

    from totals
    cross join {{ ref('int_as_of') }} as as_of
    inner join {{ ref('plays') }} as plays
        on totals.play_id = plays.play_id
    where plays.ends_on is null or plays.ends_on > as_of.as_of

)

select * from silences
where silent_days >= 7 and chance < 0.001
