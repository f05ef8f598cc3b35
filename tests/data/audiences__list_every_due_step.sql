with

due_steps as (

    select
        assigned.play_id,
        assigned.customer_id,
        play_steps.step,
        steps.due_on,
        count(*) as times

    from {{ ref('int_play_steps_scheduled') }} as steps
    cross join {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_play_enrollments_assigned') }} as assigned
        on steps.enrollment_number = assigned.enrollment_number
    inner join {{ ref('fct_play_enrollments') }} as enrollments
        on
            assigned.customer_id = enrollments.customer_id
            and assigned.play_id = enrollments.play_id
            and assigned.enrolled_on = enrollments.enrolled_on
    inner join {{ ref('play_steps') }} as play_steps
        on
            assigned.play_id = play_steps.play_id
            and steps.step_number = play_steps.step_number
    where
        steps.due_on > as_of.previous_as_of
        and steps.due_on <= as_of.as_of
        and enrollments.left_on is null
        and enrollments.arm = 'treatment'
    group by assigned.play_id, assigned.customer_id, play_steps.step, steps.due_on

),

listed as (

    select
        play_id,
        customer_id,
        step,
        due_on,
        count(*) as times

    from {{ ref('audiences') }}
    group by play_id, customer_id, step, due_on

)

select
    coalesce(due_steps.play_id, listed.play_id) as play_id,
    coalesce(due_steps.customer_id, listed.customer_id) as customer_id,
    coalesce(due_steps.step, listed.step) as step,
    due_steps.times as times_due,
    listed.times as times_listed

from due_steps
full outer join listed
    on
        due_steps.play_id = listed.play_id
        and due_steps.customer_id = listed.customer_id
        and due_steps.step = listed.step
        and due_steps.due_on = listed.due_on
where coalesce(due_steps.times, 0) <> coalesce(listed.times, 0)
