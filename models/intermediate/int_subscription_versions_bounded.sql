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

ended as (

    -- when service ends by what this row says; a later row may say otherwise
    select
        *,
        least(
            coalesce(
                ended_at,
                case
                    when status in ('canceled', 'expired')
                        then coalesce(current_period_ends_at, valid_from)
                end
            ),
            case when '{{ var("churn_dated_on") }}' = 'cancel_request' then cancel_requested_at end
        ) as ends_at,
        row_number() over (
            partition by subscription_id, refusal order by valid_from
        ) as version_number,
        lead(valid_from) over (
            partition by subscription_id, refusal order by valid_from
        ) as next_version_from

    from identified

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

    -- an end recorded a second before the next version starts is the inclusive way to write the same moment
    select
        *,
        least(
            case
                when {{ dbt.dateadd('second', 1, 'ends_at') }} = next_version_from
                    then next_version_from
                else ends_at
            end,
            next_version_from,
            cut_at
        ) as in_force_to

    from started

),

priced as (

    select
        bounded.*,
        as_of.as_of_at,
        case
            when bounded.in_force_from >= as_of.as_of_at then 'after as_of'
            else bounded.refusal
        end as not_counted_reason,
        greatest(in_force_from, coalesce(trial_ends_at, in_force_from)) as pays_from,
        in_force_to as pays_to,
        {{ monthly_amount(
            'original_amount * quantity'
            ~ (' - original_discount_amount' if var('recurring_discount_counts') else ''),
            'billing_interval',
            'interval_count',
            'exchange_rate',
        ) }} as mrr

    from bounded
    cross join as_of

)

select
    subscription_id,
    customer_id,
    plan_id,
    status,
    billing_interval,
    cancel_reason,
    not_counted_reason,
    version_number,
    interval_count,
    original_amount,
    mrr,
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
    ends_at

from priced
