{#- A customer is kept when still one so many days after the complaint. -#}
{%- set kept_days = 90 -%}
{%- set heard_until = dbt.dateadd('day', var('complaint_days'), 'feedback.given_on') -%}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

feedback as (

    select * from {{ ref('int_feedback_assessed') }}
    where is_counted and kind = 'complaint'

),

runs as (

    select * from {{ ref('int_activities_merged_to_runs') }}
    where basis = 'any'

),

complaints as (

    select
        feedback.feedback_id,
        feedback.customer_id,
        feedback.given_on,
        cast({{ dbt.dateadd('day', kept_days, 'feedback.given_on') }} as date) as kept_on,
        {{ heard_until }} <= as_of.last_day as is_decided,
        coalesce(feedback.resolved_on <= {{ heard_until }}, false) as is_heard,
        as_of.last_day

    from feedback
    cross join as_of

)

-- A customer has at most one run on a day. The day of a loss counts, since many leave at once.
select
    complaints.feedback_id,
    complaints.customer_id,
    complaints.is_decided,
    complaints.is_decided and complaints.is_heard as is_heard,
    complaints.kept_on <= complaints.last_day and runs_then.customer_id is not null as is_mature,
    complaints.kept_on <= complaints.last_day
    and runs_then.customer_id is not null
    and runs_later.customer_id is not null as is_kept,
    complaints.given_on,
    complaints.kept_on

from complaints
left join runs as runs_then
    on
        complaints.customer_id = runs_then.customer_id
        and complaints.given_on >= runs_then.started_on
        and complaints.given_on <= coalesce(runs_then.ended_on, date '9999-12-31')
left join runs as runs_later
    on
        complaints.customer_id = runs_later.customer_id
        and complaints.kept_on >= runs_later.started_on
        and complaints.kept_on < coalesce(runs_later.ended_on, date '9999-12-31')
