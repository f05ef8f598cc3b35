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
        item_id,
        valid_from,
        ends_at,
        cancel_reason,
        status,
        is_cancel_requested,
        row_number() over (
            partition by subscription_id, item_id, ends_at order by valid_from desc
        ) as latest_first

    from all_versions
    where
        ends_at is not null
        and set_aside_reason is null

),

-- Versions before the paying one do not explain its end: what they announced was taken back.
with_texts as (

    select
        paying.subscription_id,
        paying.item_id,
        paying.customer_id,
        paying.pays_to as ended_at,
        end_texts.cancel_reason,
        next_versions.status as next_status,
        coalesce(
            paying.status in ('past_due', 'unpaid')
            or end_texts.status in ('past_due', 'unpaid')
            or next_versions.status in ('past_due', 'unpaid'),
            false
        ) as is_payment_overdue,
        coalesce(
            end_texts.status = 'expired'
            and paying.status <> 'canceled'
            and not paying.is_cancel_requested
            and not end_texts.is_cancel_requested,
            false
        ) as is_term_completed

    from paying
    left join end_texts
        on
            paying.subscription_id = end_texts.subscription_id
            and paying.item_id = end_texts.item_id
            and paying.in_force_to = end_texts.ends_at
            and paying.valid_from <= end_texts.valid_from
            and end_texts.latest_first = 1
    left join versions as next_versions
        on
            paying.subscription_id = next_versions.subscription_id
            and paying.item_id = next_versions.item_id
            and paying.in_force_to = next_versions.in_force_from

),

-- What a source that gives no reason says by its statuses.
with_words as (

    select
        *,
        case
            when cancel_reason is not null then cancel_reason
            when is_term_completed and not is_payment_overdue then 'term completed'
            when next_status in ('paused', 'unpaid', 'incomplete', 'past_due') then next_status
        end as word

    from with_texts

),

-- People type anything into a reason, names too: a text that nobody has mapped is not published.
explained as (

    select
        with_words.*,
        coalesce(
            reasons.reason,
            case when with_words.cancel_reason is not null then '(unmapped)' end,
            with_words.word,
            '(none)'
        ) as end_reason,
        case
            when with_words.is_payment_overdue then false
            when reasons.is_voluntary is not null then reasons.is_voluntary
            when with_words.word = 'term completed' or with_words.next_status = 'incomplete'
                then null
            else true
        end as is_voluntary,
        with_words.cancel_reason is not null and reasons.reason is null as is_unmapped,
        row_number() over (
            partition by with_words.customer_id, with_words.ended_at
            order by with_words.subscription_id, with_words.item_id
        ) as closing_number

    from with_words
    left join reasons
        on lower(with_words.word) = reasons.raw_reason

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
