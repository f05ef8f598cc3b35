with

versions as (

    select * from {{ read_texts(source('chargebee_fivetran', 'subscription')) }}

),

delivered_items as (

    select * from {{ read_texts(source('chargebee_fivetran', 'subscription_item')) }}

),

-- A charge is paid once.
items as (

    select *
    from {{ latest_rows(
        'delivered_items', 'subscription_id, item_price_id', ['fivetran_synced', 'file_date']
    ) }}
    where coalesce(item_type <> 'charge', true)

),

-- A subscription of the older product catalog is its plan; a newer one has items, of which the
-- first is the plan.
with_items as (

    select
        versions.*,
        items.item_price_id as item_id,
        items.item_type,
        coalesce(items.item_price_id, versions.plan_id) as item_plan_id,
        coalesce(items.unit_price, versions.plan_unit_price, items.amount) as minor_amount,
        case
            when items.unit_price is null and versions.plan_unit_price is null then '1'
            else coalesce(items.quantity, versions.plan_quantity)
        end as units,
        case
            when {{ is_true('items.fivetran_deleted') }} then {{ in_utc('items.fivetran_synced') }}
        end as item_ended_at,
        {{ in_utc(iso_from_epoch(
            'coalesce(versions.started_at, versions.start_date, versions.created_at)'
        )) }} as subscription_start,
        {{ in_utc(iso_from_epoch('versions.cancelled_at')) }} as subscription_end,
        coalesce(items.item_price_id, versions.plan_id) is null as is_without_item,
        row_number() over (
            partition by versions.file, versions.scan_position
            order by
                case when {{ is_true('items.fivetran_deleted') }} then 1 else 0 end,
                case items.item_type when 'plan' then 0 else 1 end,
                items.item_price_id
        ) as place

    from versions
    left join items
        on versions.id = items.subscription_id

),

-- A subscription has one plan at a time: a plan begins when the plan before it was deleted.
in_sequence as (

    select
        *,
        case
            when item_type = 'plan'
                then
                    max(try_cast(item_ended_at as timestamptz)) over (
                        partition by file, scan_position, item_type
                        order by try_cast(item_ended_at as timestamptz) nulls last, item_id
                        rows between unbounded preceding and 1 preceding
                    )
        end as plan_before_ended_at

    from with_items

),

with_start as (

    select
        *,
        case
            when plan_before_ended_at > try_cast(subscription_start as timestamptz)
                then {{ iso_text("timezone('UTC', plan_before_ended_at)") }}
            else subscription_start
        end as item_started_at,
        case
            when
                try_cast(item_ended_at as timestamptz) < try_cast(subscription_end as timestamptz)
                then item_ended_at
            else coalesce(subscription_end, item_ended_at)
        end as service_end

    from in_sequence

)

-- A version that ended before the plan began was never paid for that plan.
select
    id as subscription_id,
    item_id,
    customer_id,
    item_plan_id as plan_id,
    lower(status) as status,
    lower(billing_period_unit) as billing_interval,
    billing_period as interval_count,
    currency_code as currency,
    {{ major_units('minor_amount', 'currency_code') }} as amount,
    units as quantity,
    case
        when lower(cancel_reason) in ('not_paid', 'no_card') then cancel_reason
        else coalesce(cancel_reason_code, cancel_reason)
    end as cancel_reason,
    fivetran_deleted as is_deleted,
    item_started_at as started_at,
    {{ in_utc(iso_from_epoch('trial_end')) }} as trial_ends_at,
    {{ in_utc(iso_from_epoch('current_term_end')) }} as current_period_ends_at,
    {{ in_utc(iso_from_epoch('cancel_schedule_created_at')) }} as cancel_requested_at,
    case
        when
            try_cast(service_end as timestamptz) < plan_before_ended_at
            and plan_before_ended_at > try_cast(subscription_start as timestamptz)
            then item_started_at
        else service_end
    end as ended_at,
    {{ in_utc(iso_from_epoch('updated_at')) }} as updated_at,
    file,
    file_date,
    scan_position,
    case when place > 1 then 'derived' end as record_role,
    case
        when is_without_item then 'the subscription has no plan and no item'
        when minor_amount is null
            then 'tiers are not supported: ' || item_plan_id || ' has no unit price'
    end as mapping_fault

from with_start
