with

objects as (

    select * from {{ ref('stripe__subscription_objects') }}

),

-- Stripe writes seconds since 1970; some loaders make texts of them, in UTC.
states as (

    select
        system,
        file,
        file_date,
        scan_position,
        id as subscription_id,
        coalesce({{ json_value('customer', '$.id') }}, customer) as customer_id,
        lower(status) as stripe_status,
        {{ is_true('cancel_at_period_end') }} as is_set_to_end,
        case
            when {{ is_false('livemode') }} then 'true' when {{ is_true('livemode') }} then 'false'
        end as is_test,
        {{ json_value('cancellation_details', '$.reason') }} as cancellation_reason,
        {{ json_value('cancellation_details', '$.feedback') }} as cancellation_feedback,
        coalesce(
            {{ json_value('pause_collection', '$.behavior') }}, pause_collection_behavior
        ) as pause_behavior,
        coalesce(
            {{ json_value('pause_collection', '$.resumes_at') }}, pause_collection_resumes_at
        ) as resumes_at,
        {{ in_utc(iso_from_epoch('coalesce(start_date, created)')) }} as started_at,
        {{ in_utc(iso_from_epoch('current_period_end')) }} as period_ends_at,
        {{ in_utc(iso_from_epoch('trial_end')) }} as trial_ends_at,
        {{ in_utc(iso_from_epoch('cancel_at')) }} as cancel_at,
        {{ in_utc(iso_from_epoch('canceled_at')) }} as canceled_at,
        {{ in_utc(iso_from_epoch('ended_at')) }} as ended_at,
        changed_at,
        seen_at,
        coalesce(
            try_cast(changed_at as timestamptz),
            try_cast(seen_at as timestamptz),
            timezone('UTC', cast(file_date as timestamp))
        ) as moment,
        {{ is_true(json_value('items', '$.has_more')) }} as has_more_items,
        regexp_matches(discounts, '^\[\s*"') and coalesce(left(discount, 1) <> '{', true)
            as has_unread_discounts

    from objects

),

-- Who does not pay while payments are paused may still be active to Stripe.
judged as (

    select
        *,
        coalesce(
            pause_behavior in ('void', 'mark_uncollectible')
            and stripe_status in ('active', 'past_due')
            and coalesce(
                try_cast({{ in_utc(iso_from_epoch('resumes_at')) }} as timestamptz) > moment, true
            ),
            false
        ) as is_paused,
        coalesce(cancellation_reason in ('payment_failed', 'payment_disputed'), false)
            as is_ended_by_payment

    from states

)

select
    *,
    case when is_paused then 'paused' else stripe_status end as status,
    case
        when is_ended_by_payment then cancellation_reason
        else coalesce(cancellation_feedback, cancellation_reason)
    end as cancel_reason,
    case when not is_ended_by_payment then canceled_at end as cancel_requested_at

from judged
