with

source as (

    select
        *,
        lower(state) as word

    from {{ read_texts(source('recurly_fivetran', 'subscription_history')) }}

),

delivered_plans as (

    select * from {{ read_texts(source('recurly_fivetran', 'plan_history')) }}

),

plans as (

    select *
    from {{ latest_rows('delivered_plans', 'id', ['updated_at', 'fivetran_synced', 'file_date']) }}

),

-- "canceled" is set to end: it pays until expires_at, and then becomes "expired". What does not
-- renew ends with its term, and nobody asked to leave if it was not canceled before.
versions as (

    select
        source.*,
        plans.id is null as is_without_plan,
        case
            when source.word = 'canceled' then 'non_renewing'
            when
                source.word = 'active'
                and {{ is_false('source.auto_renew') }}
                and (source.canceled_at is not null or source.current_term_ends_at is null)
                then 'non_renewing'
            else source.word
        end as status,
        coalesce(regexp_replace(lower(plans.interval_unit), 's$', ''), 'month') as billing_interval,
        coalesce(plans.interval_length, '1') as interval_count,
        {{ in_utc('coalesce(source.activated_at, source.trial_started_at, source.created_at)') }}
            as started_at,
        {{ in_utc('source.trial_ends_at') }} as trial_end,
        {{ in_utc('source.current_period_ends_at') }} as period_end,
        {{ in_utc('source.canceled_at') }} as cancel_request,
        {{ in_utc(
            "coalesce(source.expires_at, case when source.word in ('active', 'canceled')"
            ~ " and " ~ is_false('source.auto_renew') ~ " then source.current_term_ends_at end)"
        ) }} as service_end,
        {{ in_utc('source.updated_at') }} as changed_at,
        max(try_cast(source.add_ons_total as decimal(18, 4))) over (partition by source.id)
            as most_add_ons

    from source
    left join plans
        on source.plan_id = plans.id

),

-- A subscription's add-ons are an item of their own: they have no quantity and no plan.
items as (

    select
        *,
        cast(null as varchar) as item_id,
        plan_id as item_plan_id,
        unit_amount as amount,
        quantity as units,
        cast(null as varchar) as record_role

    from versions

    union all by name

    select
        *,
        'add-ons' as item_id,
        cast(null as varchar) as item_plan_id,
        coalesce(add_ons_total, '0') as amount,
        '1' as units,
        'derived' as record_role

    from versions
    where most_add_ons > 0

)

select
    id as subscription_id,
    item_id,
    account_id as customer_id,
    item_plan_id as plan_id,
    status,
    billing_interval,
    interval_count,
    currency,
    amount,
    units as quantity,
    expiration_reason as cancel_reason,
    started_at,
    trial_end as trial_ends_at,
    period_end as current_period_ends_at,
    cancel_request as cancel_requested_at,
    service_end as ended_at,
    changed_at as updated_at,
    file,
    file_date,
    scan_position,
    record_role,
    case
        when is_without_plan and record_role is null
            then 'the plan is in no file: its interval is taken as one month'
    end as remark

from items
