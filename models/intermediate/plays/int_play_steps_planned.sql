with

as_of as (

    select * from {{ ref('int_as_of') }}

),

enrollments as (

    select * from {{ ref('int_play_enrollments_assigned') }}

),

steps as (

    select
        plays.priority,
        play_steps.step_number,
        cast(floor(
            sum(play_steps.delay_hours) over (
                partition by plays.priority
                order by play_steps.step_number
                rows between unbounded preceding and current row
            ) / 24
        ) as integer) as days_after_enrollment

    from {{ ref('play_steps') }} as play_steps
    inner join {{ ref('plays') }} as plays
        on play_steps.play_id = plays.play_id

),

-- A step belongs to those who are still in the play on the planned day. The holdout gets none.
planned as (

    select
        enrollments.enrollment_number,
        enrollments.customer_number,
        enrollments.priority,
        steps.step_number,
        enrollments.left_on,
        cast({{ dbt.dateadd(
            'day', 'steps.days_after_enrollment', 'enrollments.enrolled_on'
        ) }} as date) as planned_on

    from enrollments
    inner join steps
        on enrollments.priority = steps.priority
    where enrollments.arm = 'treatment'

)

select
    planned.enrollment_number,
    planned.customer_number,
    planned.priority,
    planned.step_number,
    planned.planned_on,
    planned.left_on

from planned
cross join as_of
where planned.planned_on < planned.left_on and planned.planned_on <= as_of.as_of
