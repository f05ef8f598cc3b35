with

source as (

    select * from {{ read_texts(source('stripe_dashboard', 'subscriptions')) }}

),

-- "3 month" is an interval of three months, "month" of one.
with_intervals as (

    select
        *,
        lower(interval) as interval_text,
        regexp_extract(lower(interval), '^(\d+) *([a-z]+?)s?$', 1) as interval_number,
        {{ iso_from('start_date_utc', ['%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S'], "'UTC'") }}
            as start_date,
        {{ iso_from('start_utc', ['%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S'], "'UTC'") }} as start_text,
        {{ iso_from('created_utc', ['%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S'], "'UTC'") }} as created,
        {{ iso_from('trial_end_utc', ['%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S'], "'UTC'") }}
            as trial_ends_at,
        {{ iso_from('current_period_end_utc', ['%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S'], "'UTC'") }}
            as current_period_ends_at,
        {{ iso_from('canceled_at_utc', ['%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S'], "'UTC'") }}
            as canceled_at,
        {{ iso_from('ended_at_utc', ['%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S'], "'UTC'") }}
            as ended_at_text

    from source

)

-- Without the day of the start, the older of two days counts: start_utc is the start of the present
-- plan.
select
    id as subscription_id,
    customer_id,
    plan as plan_id,
    lower(status) as status,
    case
        when interval_number <> ''
            then regexp_extract(interval_text, '^(\d+) *([a-z]+?)s?$', 2)
        else interval_text
    end as billing_interval,
    nullif(interval_number, '') as interval_count,
    currency,
    {{ plain_number('amount') }} as amount,
    quantity,
    cancellation_reason as cancel_reason,
    case
        when start_date is not null then start_date
        when try_cast(created as timestamptz) < try_cast(start_text as timestamptz) then created
        else coalesce(start_text, created)
    end as started_at,
    trial_ends_at,
    current_period_ends_at,
    case
        when coalesce(cancellation_reason not in ('payment_failed', 'payment_disputed'), true)
            then canceled_at
    end as cancel_requested_at,
    coalesce(
        ended_at_text,
        case when lower(status) = 'canceled' then canceled_at end,
        case when {{ is_true('cancel_at_period_end') }} then current_period_ends_at end
    ) as ended_at,
    file,
    file_date,
    scan_position,
    case
        when coupon is not null then 'the coupon is left out: its worth is not in the file'
    end as remark

from with_intervals
