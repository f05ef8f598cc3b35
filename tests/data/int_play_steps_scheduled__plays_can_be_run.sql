-- depends_on: {{ ref('int_play_steps_scheduled') }}
with

plays as (

    select * from {{ ref('plays') }}

),

steps as (

    select * from {{ ref('play_steps') }}

),

faults as (

    select
        play_id,
        case
            when not {{ is_of_form('play_id', '[a-z0-9_]*') }}
                then 'play_id: give small letters, digits and _; it names a file'
        end as fault
    from plays

    union all

    select
        play_id,
        case
            when
                days < case when trigger in ('birthday', 'reorder_due') then 0 else 1 end
                then 'days: give 1 or more (birthday and reorder_due: 0 or more)'
        end as fault
    from plays

    union all

    select
        play_id,
        case when window_days < 1 then 'window_days: give 1 or more' end as fault
    from plays

    union all

    select
        play_id,
        case when cooldown_days < 0 then 'cooldown_days: give 0 or more' end as fault
    from plays

    union all

    select
        play_id,
        case
            when holdout_share < 0 or holdout_share >= 1
                then 'holdout_share: give a share from 0 to below 1, such as 0.1 for 10 %'
        end as fault
    from plays

    union all

    select
        play_id,
        case
            when max_enrolments_per_year < 1
                then 'max_enrolments_per_year: give 1 or more, or nothing for no limit'
        end as fault
    from plays

    union all

    select
        play_id,
        case
            when ends_on <= starts_on
                then 'ends_on: give a day after starts_on, or nothing'
        end as fault
    from plays

    union all

    select
        play_id,
        case
            when (goal = 'milestone') <> (goal_milestone is not null)
                then 'goal_milestone: give it for the goal milestone, and for no other goal'
        end as fault
    from plays

    union all

    select
        play_id,
        case
            when (goal = 'renewal') <> (trigger = 'renewal_due')
                then 'goal: renewal is the goal of the trigger renewal_due, and of no other one'
        end as fault
    from plays

    union all

    -- Whether a contract went on is seen so many days after its end.
    select
        play_id,
        case
            when
                trigger = 'renewal_due'
                and window_days < days + {{ days_until_an_end_is_certain() }}
                then 'window_days: give days + {{ days_until_an_end_is_certain() }} for renewal_due'
        end as fault
    from plays
    where play_id in (select started.play_id from {{ ref('int_plays_started') }} as started)

    union all

    select
        play_id,
        case
            when
                (segment_name is null) <> (segment_value is null)
                or segment_name not in (
                    ''
                    {%- for segment in var('segments') %},
                    '{{ segment }}'
                    {%- endfor %}
                )
                then 'segment_name: give one of the var segments, with a segment_value, or nothing'
        end as fault
    from plays

    union all

    select
        plays.play_id,
        'play_steps: give the play a step' as fault
    from plays
    left join steps
        on plays.play_id = steps.play_id
    where steps.play_id is null

    union all

    select
        play_id,
        case
            when delay_hours < 0 or offer_cost < 0
                then 'play_steps: delay_hours and offer_cost are never negative'
        end as fault
    from steps

)

select
    play_id,
    fault

from faults
where fault is not null
