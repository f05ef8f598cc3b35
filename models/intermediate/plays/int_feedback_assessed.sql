with

feedback as (

    select * from {{ ref('stg_feedback') }}

),

merged_accounts as (

    select * from {{ ref('int_accounts_merged') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- A time from as_of on is no event yet.
assessed as (

    select
        feedback.*,
        coalesce(merged_accounts.customer_id, feedback.customer_id) as owner_id,
        {{ local_date('feedback.given_at') }} as given_on,
        case
            when feedback.resolved_at < as_of.as_of_at then feedback.resolved_at
        end as resolved_at_so_far,
        case
            when feedback.is_deleted then 'deleted'
            when feedback.given_at >= as_of.as_of_at then 'after as_of'
        end as not_counted_reason

    from feedback
    cross join as_of
    left join merged_accounts
        on feedback.customer_id = merged_accounts.account_id

)

select
    feedback_id,
    owner_id as customer_id,
    kind,
    not_counted_reason,
    score,
    not_counted_reason is null as is_counted,
    given_at,
    resolved_at_so_far as resolved_at,
    given_on,
    {{ local_date('resolved_at_so_far') }} as resolved_on

from assessed
