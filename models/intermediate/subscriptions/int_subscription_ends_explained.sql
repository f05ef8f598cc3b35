with

as_of as (

    select * from {{ ref('int_as_of') }}

),

all_versions as (

    select * from {{ ref('int_subscription_versions_priced') }}

),

versions as (

    select * from all_versions
    where not_counted_reason is null

),

reasons as (

    select * from {{ ref('churn_reasons') }}

),

paying as (

    select versions.*

    from versions
    cross join as_of
    where versions.is_paying and versions.pays_to < as_of.as_of_at

),

-- The reason stands on the version that says when service ends. A version after as_of counts too:
-- the end that it dates may lie before as_of.
end_texts as (

    select
        subscription_id,
        valid_from,
        ends_at,
        cancel_reason,
        status,
        row_number() over (
            partition by subscription_id, ends_at order by valid_from desc
        ) as latest_first

    from all_versions
    where
        ends_at is not null
        and set_aside_reason is null

),

-- People type anything into a reason, names too: a text that nobody has mapped is not published.
-- Versions before the paying one do not explain its end: what they announced was taken back.
explained as (

    select
        paying.customer_id,
        paying.pays_to as ended_at,
        coalesce(
            reasons.reason,
            case when end_texts.cancel_reason is not null then '(unmapped)' end,
            case
                when next_versions.status in ('paused', 'unpaid', 'incomplete', 'past_due')
                    then next_versions.status
            end,
            '(none)'
        ) as end_reason,
        end_texts.cancel_reason,
        coalesce(reasons.is_voluntary, true)
        and paying.status not in ('past_due', 'unpaid')
        and coalesce(end_texts.status, '') not in ('past_due', 'unpaid')
        and coalesce(next_versions.status, '') not in ('past_due', 'unpaid') as is_voluntary,
        end_texts.cancel_reason is not null and reasons.reason is null as is_unmapped,
        row_number() over (
            partition by paying.customer_id, paying.pays_to order by paying.subscription_id
        ) as closing_number

    from paying
    left join end_texts
        on
            paying.subscription_id = end_texts.subscription_id
            and paying.pays_to = end_texts.ends_at
            and paying.valid_from <= end_texts.valid_from
            and end_texts.latest_first = 1
    left join reasons
        on lower(end_texts.cancel_reason) = reasons.raw_reason
    left join versions as next_versions
        on
            paying.subscription_id = next_versions.subscription_id
            and paying.pays_to = next_versions.in_force_from

)

select
    customer_id,
    end_reason,
    cancel_reason,
    is_voluntary,
    is_unmapped,
    ended_at

from explained
where closing_number = 1
