select
    customer_id,
    play_id,
    enrolled_on,
    window_ends_on,
    converted_on,
    left_on,
    left_because

from {{ ref('fct_play_enrollments') }}
where
    left_on > window_ends_on
    or (left_on is null) <> (left_because is null)
    or (left_on is null and is_window_complete)
    or (
        left_because = 'converted'
        and coalesce(
            left_on <> {{ dbt.dateadd('day', 1, 'converted_on') }}, true
        )
    )
    or (left_because = 'window_over' and left_on <> window_ends_on)
    -- somebody who has converted is in the play no longer than until the next day
    or coalesce(left_on, window_ends_on) > {{ dbt.dateadd('day', 1, 'converted_on') }}
