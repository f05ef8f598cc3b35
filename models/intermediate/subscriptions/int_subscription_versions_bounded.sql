with

as_of as (

    select * from {{ ref('int_as_of') }}

),

versions as (

    select
        versions.*,
        coalesce(merged_accounts.customer_id, versions.customer_id) as owner_id

    from {{ ref('stg_subscription_versions') }} as versions
    left join {{ ref('int_accounts_merged') }} as merged_accounts
        on versions.customer_id = merged_accounts.account_id

),

-- The latest version of an item names its customer, and says whether the item was deleted.
with_latest as (

    select
        *,
        coalesce(item_id, '(none)') as item,
        last_value(owner_id) over an_item as latest_owner_id,
        last_value(is_deleted) over an_item as is_deleted_now

    from versions
    window an_item as (
        partition by subscription_id, item_id, is_test
        order by valid_from
        rows between unbounded preceding and unbounded following
    )

),

-- A version that is set aside bounds no other one. An end ten years after as_of stands for none.
with_placeholders as (

    select
        with_latest.*,
        as_of.as_of_at,
        case
            when with_latest.is_test then 'test'
            when with_latest.is_deleted_now then 'deleted'
            when with_latest.is_deleted then 'deleted, and restored by a later version'
            when with_latest.owner_id <> with_latest.latest_owner_id
                then 'another customer in a later version'
        end as set_aside_reason,
        coalesce(
            with_latest.ended_at > {{ dbt.dateadd('year', 10, 'as_of.as_of_at') }}, false
        ) as has_placeholder_end,
        case
            when
                with_latest.current_period_ends_at
                <= {{ dbt.dateadd('year', 10, 'as_of.as_of_at') }}
                then with_latest.current_period_ends_at
        end as period_ends_at

    from with_latest
    cross join as_of

),

with_service_end as (

    select
        *,
        case
            when auto_renews and not is_set_to_end
                then case when status in ('canceled', 'expired') then valid_from end
            when ended_at is not null and not has_placeholder_end then ended_at
            when status in ('canceled', 'expired') then coalesce(period_ends_at, valid_from)
            when is_set_to_end then period_ends_at
        end as service_ends_at

    from with_placeholders

),

in_sequence as (

    select
        *,
        row_number() over an_item as version_number,
        lead(valid_from) over an_item as next_version_from,
        lead(status) over an_item as next_status,
        min(started_at) over (
            partition by subscription_id, item, set_aside_reason
            order by valid_from
            rows between unbounded preceding and unbounded following
        ) as item_started_at,
        max(case when service_ends_at is not null then cancel_requested_at end) over (
            partition by subscription_id, item, set_aside_reason
            order by valid_from
            rows between unbounded preceding and 1 preceding
        ) as request_of_earlier_end,
        min(case when service_ends_at is null then valid_from end) over (
            partition by subscription_id, item, set_aside_reason
            order by valid_from
            rows between 1 following and unbounded following
        ) as runs_on_from

    from with_service_end
    window an_item as (partition by subscription_id, item, set_aside_reason order by valid_from)

),

-- Decision 0009: "A cancel request that was taken back no longer counts." A version without an end
-- takes the cancellation of an earlier version back. Later versions may still carry the request.
with_spent_request as (

    select
        *,
        max(case when service_ends_at is null then request_of_earlier_end end) over (
            partition by subscription_id, item, set_aside_reason
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

-- When service ends by what this version says, and since when that was set. A request dates no
-- churn when a later version takes the end back before it comes.
with_end as (

    select
        *,
        {%- if var('churn_dated_on') == 'cancel_request' %}
        least(
            service_ends_at,
            case
                when service_ends_at is null or coalesce(runs_on_from > service_ends_at, true)
                    then cancel_asked_at
            end
        ) as ends_at,
        {%- else %}
        service_ends_at as ends_at,
        {%- endif %}
        case
            when cancel_asked_at is not null then cancel_asked_at
            when service_ends_at is not null or is_set_to_end then valid_from
        end as set_to_end_at

    from with_cancel_request

),

-- The earliest version is in force from the start of the item, and no version before it. An end
-- that a later version dates back cuts every version before it.
bounded as (

    select
        *,
        case
            when version_number = 1 then item_started_at
            else greatest(valid_from, started_at)
        end as in_force_from,
        min(case when ends_at <= valid_from then ends_at end) over (
            partition by subscription_id, item, set_aside_reason
            order by valid_from
            rows between 1 following and unbounded following
        ) as dated_back_end

    from with_end

)

select
    subscription_id,
    item as item_id,
    owner_id as customer_id,
    {{ 'customer_id as account_id,' if var('merges_apply') == 'from_the_merge_on' }}
    plan_id,
    status,
    next_status,
    billing_interval as interval_unit,
    original_currency,
    cancel_reason,
    set_aside_reason,
    case
        when in_force_from >= as_of_at then 'after as_of'
        else set_aside_reason
    end as not_counted_reason,
    interval_count,
    quantity,
    original_amount,
    original_discount_amount,
    exchange_rate,
    cancel_asked_at is not null or is_set_to_end as is_cancel_requested,
    has_placeholder_end,
    coalesce(dated_back_end <= next_version_from, false)
    or (ends_at is not null and coalesce(ends_at < next_version_from, true)) as is_ended,
    valid_from,
    in_force_from,
    least(ends_at, next_version_from, dated_back_end) as in_force_to,
    discount_ends_at,
    trial_ends_at,
    period_ends_at,
    set_to_end_at,
    ends_at

from bounded
