with

versions as (

    select * from {{ ref('stg_subscription_versions') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

with_owner as (

    -- a subscription has one customer: the one its latest version names
    select
        *,
        last_value(customer_id) over (
            partition by subscription_id, is_test
            order by valid_from
            rows between unbounded preceding and unbounded following
        ) as owner_customer_id

    from versions

),

identified as (

    -- a version that does not count is no state of the subscription
    select
        *,
        case
            when is_test then 'test'
            when customer_id <> owner_customer_id then 'another customer in a later version'
        end as refusal

    from with_owner

),

with_service_end as (

    select
        *,
        coalesce(
            ended_at,
            case
                when status in ('canceled', 'expired')
                    then coalesce(current_period_ends_at, valid_from)
            end
        ) as service_ends_at

    from identified

),

in_sequence as (

    select
        *,
        row_number() over a_subscription as version_number,
        lead(valid_from) over a_subscription as next_version_from,
        max(case when service_ends_at is not null then cancel_requested_at end) over (
            partition by subscription_id, refusal
            order by valid_from
            rows between unbounded preceding and 1 preceding
        ) as request_of_earlier_end

    from with_service_end
    window a_subscription as (partition by subscription_id, refusal order by valid_from)

),

-- a version without an end, after one with an end, has taken the cancellation back: the request
-- that it and later versions still carry is spent
with_spent_request as (

    select
        *,
        max(case when service_ends_at is null then request_of_earlier_end end) over (
            partition by subscription_id, refusal
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

-- an end recorded up to a second before the next start is the inclusive way to write the same moment
next_starts as (

    select
        customer_id,
        started_at,
        lag(started_at) over (partition by customer_id order by started_at) as previous_started_at

    from with_cancel_request
    where version_number = 1 and refusal is null
    group by customer_id, started_at

),

with_recorded_end as (

    -- when service ends by what this row says; a later row may say otherwise
    select
        *,
        least(
            service_ends_at,
            case when '{{ var("churn_dated_on") }}' = 'cancel_request' then cancel_asked_at end
        ) as recorded_end_at

    from with_cancel_request

),

ended as (

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
        -- since when it is known that service will end
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

started as (

    -- the earliest row holds from the start of the subscription, no row before it
    select
        *,
        case
            when version_number = 1 then started_at
            else greatest(valid_from, started_at)
        end as in_force_from,
        -- a back-dated end cuts every earlier version
        min(case when ends_at < valid_from then ends_at end) over (
            partition by subscription_id, refusal
            order by valid_from
            rows between 1 following and unbounded following
        ) as cut_at

    from ended

),

bounded as (

    select
        *,
        least(ends_at, next_version_from, cut_at) as in_force_to

    from started

),

with_recurring_amount as (

    select
        *,
        original_amount * quantity
        {%- if var('recurring_discount_counts') %}
        - original_discount_amount
        {%- endif %} as recurring_amount

    from bounded

),

-- the same terms keep the rate at which they began, so that exchange rates never make a movement
with_rate_of_terms as (

    select
        *,
        first_value(exchange_rate) over (
            partition by
                subscription_id,
                refusal,
                original_currency,
                recurring_amount,
                billing_interval,
                interval_count
            order by valid_from
        ) as rate_of_terms

    from with_recurring_amount

),

priced as (

    select
        versions.*,
        as_of.as_of_at,
        case
            when versions.in_force_from >= as_of.as_of_at then 'after as_of'
            else versions.refusal
        end as not_counted_reason,
        greatest(in_force_from, coalesce(trial_ends_at, in_force_from)) as pays_from,
        in_force_to as pays_to,
        {{ monthly_amount(
            'recurring_amount', 'billing_interval', 'interval_count', 'rate_of_terms'
        ) }} as mrr

    from with_rate_of_terms as versions
    cross join as_of

)

select
    subscription_id,
    customer_id,
    plan_id,
    status,
    case
        when interval_count = 1 then billing_interval
        else cast(interval_count as {{ dbt.type_string() }}) || ' ' || billing_interval || 's'
    end as billing_interval,
    billing_interval as interval_unit,
    cancel_reason,
    not_counted_reason,
    version_number,
    interval_count,
    quantity,
    original_amount,
    mrr,
    (
        not_counted_reason is null
        and (in_force_to is null or in_force_from < in_force_to)
        and coalesce(trial_ends_at > in_force_from, status = 'trialing')
    ) as is_trial,
    (
        not_counted_reason is null
        and mrr > 0
        and pays_from < as_of_at
        and (pays_to is null or pays_from < pays_to)
        and status not in ('paused', 'unpaid', 'incomplete')
        and (status <> 'past_due' or {{ var('past_due_pays') }})
        and not (status = 'trialing' and trial_ends_at is null)
    ) as is_paying,
    valid_from,
    in_force_from,
    in_force_to,
    pays_from,
    pays_to,
    trial_ends_at,
    set_to_end_at,
    ends_at

from priced
