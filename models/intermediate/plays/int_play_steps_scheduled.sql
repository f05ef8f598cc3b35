with

as_of as (

    select * from {{ ref('int_as_of') }}

),

planned as (

    select * from {{ ref('int_play_steps_planned') }}

),

dated as (

    select
        planned.*,
        cast(
            {{ dbt.dateadd('day', 'cast(capped.due_day as integer)', "date '1970-01-01'") }} as date
        ) as due_on

    from planned
    inner join {{ ref('int_play_steps_capped') }} as capped
        on
            planned.enrollment_number = capped.enrollment_number
            and planned.step_number = capped.step_number

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
