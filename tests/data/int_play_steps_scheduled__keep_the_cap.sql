with

due_steps as (

    select
        enrollments.customer_number,
        steps.due_on,
        steps.planned_on,
        enrollments.left_on,
        lag(steps.due_on, {{ var('contacts_per_week') }}) over (
            partition by enrollments.customer_number order by steps.due_on
        ) as earlier_due_on

    from {{ ref('int_play_steps_scheduled') }} as steps
    inner join {{ ref('int_play_enrollments_assigned') }} as enrollments
        on steps.enrollment_number = enrollments.enrollment_number
    where steps.outcome = 'due'

)

select * from due_steps
where
    {{ dbt.datediff('earlier_due_on', 'due_on', 'day') }} < 7
    or due_on < planned_on
    or due_on >= left_on
