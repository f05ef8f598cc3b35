with

contacts as (

    select * from {{ ref('int_contacts_assessed') }}
    where is_counted

),

enrollments as (

    select * from {{ ref('int_play_enrollments_assigned') }}

),

-- A contact belongs to the latest enrolment of its customer in its play, up to the day of sending.
with_enrollment as (

    select
        contacts.contact_id,
        contacts.play_id,
        contacts.step,
        contacts.cost,
        contacts.sent_at,
        contacts.sent_on,
        enrollments.enrollment_number,
        enrollments.arm,
        enrollments.window_ends_on,
        row_number() over (
            partition by contacts.contact_id order by enrollments.enrolled_on desc
        ) as latest_first

    from contacts
    left join enrollments
        on
            contacts.customer_id = enrollments.customer_id
            and contacts.play_id = enrollments.play_id
            and contacts.sent_on >= enrollments.enrolled_on

),

with_step as (

    select
        with_enrollment.*,
        steps.step_number,
        due_steps.due_on,
        row_number() over (
            partition by with_enrollment.enrollment_number, due_steps.step_number
            order by with_enrollment.sent_at, with_enrollment.contact_id
        ) as sending_number

    from with_enrollment
    left join {{ ref('play_steps') }} as steps
        on
            with_enrollment.play_id = steps.play_id
            and with_enrollment.step = steps.step
    left join {{ ref('int_play_steps_scheduled') }} as due_steps
        on
            with_enrollment.enrollment_number = due_steps.enrollment_number
            and steps.step_number = due_steps.step_number
            and with_enrollment.sent_on >= due_steps.due_on
            and due_steps.outcome = 'due'
    where with_enrollment.latest_first = 1

)

select
    contact_id,
    enrollment_number,
    play_id,
    step,
    step_number,
    case
        when arm = 'holdout' and sent_on < window_ends_on then 'to_holdout'
        when due_on is null then 'not_due'
        when sending_number > 1 then 'sent_again'
        else 'sent'
    end as outcome,
    coalesce(cost, 0) as cost,
    coalesce(sent_on < window_ends_on, false) as is_in_window,
    coalesce({{ dbt.datediff('due_on', 'sent_on', 'day') }} > 1, false) as is_late,
    due_on,
    sent_on

from with_step
