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
        coalesce(items.item_price_id, versions.plan_id) as item_plan_id,
        coalesce(items.unit_price, versions.plan_unit_price, items.amount) as minor_amount,
        case
            when items.unit_price is null and versions.plan_unit_price is null then '1'
            else coalesce(items.quantity, versions.plan_quantity)
        end as units,
        case
            when {{ is_true('items.fivetran_deleted') }} then {{ in_utc('items.fivetran_synced') }}
        end as item_ended_at,
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

)

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
    {{ in_utc(iso_from_epoch('coalesce(started_at, start_date, created_at)')) }} as started_at,
    {{ in_utc(iso_from_epoch('trial_end')) }} as trial_ends_at,
    {{ in_utc(iso_from_epoch('current_term_end')) }} as current_period_ends_at,
    {{ in_utc(iso_from_epoch('cancel_schedule_created_at')) }} as cancel_requested_at,
    coalesce(item_ended_at, {{ in_utc(iso_from_epoch('cancelled_at')) }}) as ended_at,
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

from with_items
