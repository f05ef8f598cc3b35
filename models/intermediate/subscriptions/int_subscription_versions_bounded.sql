with

as_of as (

    select * from {{ ref('int_as_of') }}

),

versions as (

    select * from {{ ref('stg_subscription_versions') }}

),

-- A subscription has one customer: the one that its latest version names.
with_owner as (

    select
        *,
        last_value(customer_id) over (
            partition by subscription_id, is_test
            order by valid_from
            rows between unbounded preceding and unbounded following
        ) as owner_customer_id

    from versions

),

-- A version that is set aside is no state of the subscription: it bounds no other version.
with_service_end as (

    select
        *,
        case
            when is_test then 'test'
            when customer_id <> owner_customer_id then 'another customer in a later version'
        end as set_aside_reason,
        coalesce(
            ended_at,
            case
                when status in ('canceled', 'expired')
                    then coalesce(current_period_ends_at, valid_from)
            end
        ) as service_ends_at

    from with_owner

),

in_sequence as (

    select
        *,
        row_number() over a_subscription as version_number,
        lead(valid_from) over a_subscription as next_version_from,
        max(case when service_ends_at is not null then cancel_requested_at end) over (
            partition by subscription_id, set_aside_reason
            order by valid_from
            rows between unbounded preceding and 1 preceding
        ) as request_of_earlier_end

    from with_service_end
    window a_subscription as (
        partition by subscription_id, set_aside_reason order by valid_from
    )

),

-- Decision 0009: "A cancel request that was taken back no longer counts." A version without an end
-- takes the cancellation of an earlier version back. Later versions may still carry the request.
with_spent_request as (

    select
        *,
        max(case when service_ends_at is null then request_of_earlier_end end) over (
            partition by subscription_id, set_aside_reason
            order by valid_from
            rows between unbounded preceding and current row
        ) as spent_request

    from in_sequence

),

with_cancel_request as (

    select
        *,
        case
            when spent_request is null or cancel_requested_at > spent_request
                then cancel_requested_at
        end as cancel_asked_at

    from with_spent_request

),

-- When service ends by what this version says. A later version may say something else.
with_recorded_end as (

    select
        *,
        least(
            service_ends_at,
            case when '{{ var("churn_dated_on") }}' = 'cancel_request' then cancel_asked_at end
        ) as recorded_end_at

    from with_cancel_request

),

-- The moments at which the customer's subscriptions start.
next_starts as (

    select
        customer_id,
        started_at,
        lag(started_at) over (partition by customer_id order by started_at) as previous_started_at

    from in_sequence
    where version_number = 1 and set_aside_reason is null
    group by customer_id, started_at

),

-- Decision 0009: "One second is not a gap." An end up to a second before the next start, of a
-- version or of another subscription of the customer, is that start. Some sources write inclusive
-- ends. A version is "set to end" since its cancel request, or else since its own moment.
with_end as (

    select
        versions.*,
        case
            when
                versions.recorded_end_at < versions.next_version_from
                and versions.next_version_from
                <= {{ dbt.dateadd('second', 1, 'versions.recorded_end_at') }}
                then versions.next_version_from
            else coalesce(next_starts.started_at, versions.recorded_end_at)
        end as ends_at,
        case
            when versions.cancel_asked_at is not null then versions.cancel_asked_at
            when versions.service_ends_at is not null then versions.valid_from
        end as set_to_end_at

    from with_recorded_end as versions
    left join next_starts
        on
            versions.customer_id = next_starts.customer_id
            and versions.recorded_end_at < next_starts.started_at
            and next_starts.started_at
            <= {{ dbt.dateadd('second', 1, 'versions.recorded_end_at') }}
            and coalesce(next_starts.previous_started_at <= versions.recorded_end_at, true)

),

-- The earliest version is in force from the start of the subscription, and no version before it.
-- An end that a later version dates back cuts every version before it.
bounded as (

    select
        *,
        case
            when version_number = 1 then started_at
            else greatest(valid_from, started_at)
        end as in_force_from,
        least(
            ends_at,
            next_version_from,
            min(case when ends_at < valid_from then ends_at end) over (
                partition by subscription_id, set_aside_reason
                order by valid_from
                rows between 1 following and unbounded following
            )
        ) as in_force_to

    from with_end

)

select
    bounded.subscription_id,
    bounded.customer_id,
    bounded.plan_id,
    bounded.status,
    bounded.billing_interval as interval_unit,
    bounded.original_currency,
    bounded.cancel_reason,
    bounded.set_aside_reason,
    case
        when bounded.in_force_from >= as_of.as_of_at then 'after as_of'
        else bounded.set_aside_reason
    end as not_counted_reason,
    bounded.interval_count,
    bounded.quantity,
    bounded.original_amount,
    bounded.original_discount_amount,
    bounded.exchange_rate,
    bounded.valid_from,
    bounded.in_force_from,
    bounded.in_force_to,
    bounded.trial_ends_at,
    bounded.set_to_end_at,
    bounded.ends_at

from bounded
cross join as_of
