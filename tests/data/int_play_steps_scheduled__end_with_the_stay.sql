-- One in sixteen enrolments, the same ones each night.
select
    steps.enrollment_number,
    steps.step_number,
    steps.due_on,
    enrollments.enrolled_on,
    enrollments.left_on

from {{ ref('int_play_steps_scheduled') }} as steps
inner join {{ ref('int_play_enrollments_assigned') }} as enrollments
    on steps.enrollment_number = enrollments.enrollment_number
where
    steps.outcome = 'due'
    and steps.enrollment_number % 16 = 0
    and (
        steps.due_on < enrollments.enrolled_on
        or steps.due_on >= enrollments.left_on
    )
