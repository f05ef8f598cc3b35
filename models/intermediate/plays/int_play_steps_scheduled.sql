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

),

-- A step may come only a week after the one that is `contacts_per_week` places before it. So the
-- steps of a customer fall into that many rows of steps, each at least a week apart.
in_rows as (

    select
        planned.*,
        {{ dbt.datediff("date '1970-01-01'", 'planned.planned_on', 'day') }} as planned_day,
        (row_number() over a_customer - 1) % {{ var('contacts_per_week') }} as row_of_steps,
        cast(
            floor((row_number() over a_customer - 1) / {{ var('contacts_per_week') }}e0) as integer
        ) as place_in_row

    from planned
    cross join as_of
    where planned.planned_on < planned.left_on and planned.planned_on <= as_of.as_of
    window a_customer as (
        partition by planned.customer_number
        order by planned.planned_on, planned.enrollment_number, planned.step_number
    )

),

-- The earliest day that is a week after the step before, which itself may have been moved: the
-- latest planned day of all steps before, each with the weeks that lie between.
moved as (

    select
        *,
        max(planned_day - 7 * place_in_row) over (
            partition by customer_number, row_of_steps
            order by place_in_row
            rows between unbounded preceding and current row
        ) + 7 * place_in_row as due_day

    from in_rows

),

dated as (

    select
        *,
        cast({{ dbt.dateadd('day', 'due_day - planned_day', 'planned_on') }} as date) as due_on

    from moved

)

select
    dated.enrollment_number,
    dated.priority,
    dated.step_number,
    case
        when dated.due_on > as_of.as_of then 'to_come'
        when dated.due_on >= dated.left_on then 'left_before'
        else 'due'
    end as outcome,
    dated.planned_on,
    dated.due_on

from dated
cross join as_of
