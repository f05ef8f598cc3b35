-- The customers who complained and were kept, counted by their activity on single days.
with

complaints as (

    select
        feedback.feedback_id,
        feedback.customer_id,
        feedback.given_on,
        cast({{ dbt.dateadd('day', 90, 'feedback.given_on') }} as date) as kept_on
    from {{ ref('int_feedback_assessed') }} as feedback
    cross join {{ ref('int_as_of') }} as as_of
    where
        feedback.is_counted
        and feedback.kind = 'complaint'
        and {{ dbt.dateadd('day', 90, 'feedback.given_on') }} < as_of.as_of

),

expected as (

    select
        count(distinct complaints.feedback_id) as mature,
        count(distinct case
            when
                later.started_on <= complaints.kept_on
                and coalesce(later.ended_on > complaints.kept_on, true)
                then complaints.feedback_id
        end) as kept
    from complaints
    inner join {{ ref('int_activities_merged_to_runs') }} as runs
        on
            complaints.customer_id = runs.customer_id
            and runs.basis = 'any'
            and runs.started_on <= complaints.given_on
            and coalesce(runs.ended_on >= complaints.given_on, true)
    left join {{ ref('int_activities_merged_to_runs') }} as later
        on
            complaints.customer_id = later.customer_id
            and later.basis = 'any'

),

reported as (

    select
        coalesce(sum(mature_heard_complaints + mature_unheard_complaints), 0) as mature,
        coalesce(sum(kept_heard_complaints + kept_unheard_complaints), 0) as kept
    from {{ ref('rpt_feedback') }}
    where segment_name = 'all' and period_grain = 'month'

)

select
    expected.mature,
    reported.mature as reported_mature,
    expected.kept,
    reported.kept as reported_kept

from expected
cross join reported
where expected.mature <> reported.mature or expected.kept <> reported.kept
