select
    audiences.play_id,
    audiences.customer_id,
    audiences.step,
    audiences.due_on,
    enrollments.arm,
    enrollments.left_on

from {{ ref('audiences') }} as audiences
cross join {{ ref('int_as_of') }} as as_of
left join {{ ref('fct_play_enrollments') }} as enrollments
    on
        audiences.customer_id = enrollments.customer_id
        and audiences.play_id = enrollments.play_id
        and audiences.enrolled_at = enrollments.enrolled_at
where
    audiences.due_on <= as_of.previous_as_of
    or audiences.due_on > as_of.as_of
    or enrollments.arm is distinct from 'treatment'
    or enrollments.left_on is not null
