with

versions as (

    select * from {{ read_texts(source('stripe_fivetran', 'subscription_history')) }}

),

delivered_items as (

    select * from {{ read_texts(source('stripe_fivetran', 'subscription_item')) }}

),

prices as (

    select * from {{ read_texts(source('stripe_fivetran', 'price')) }}

),

plans as (

    select * from {{ read_texts(source('stripe_fivetran', 'plan')) }}

),

delivered_discounts as (

    select * from {{ read_texts(source('stripe_fivetran', 'subscription_discount')) }}

),

delivered_coupons as (

    select * from {{ read_texts(source('stripe_fivetran', 'coupon')) }}

),

-- Plans came before prices. An id is the same in both.
all_prices as (

    select
        id,
        currency,
        unit_amount_decimal,
        unit_amount,
        recurring_interval,
        recurring_interval_count,
        recurring_usage_type,
        billing_scheme,
        tiers_mode,
        transform_quantity_divide_by,
        transform_quantity_round,
        '1' as is_price,
        fivetran_synced,
        file,
        file_date,
        scan_position

    from prices

    union all

    select
        id,
        currency,
        cast(null as varchar) as unit_amount_decimal,
        amount as unit_amount,
        interval as recurring_interval,
        interval_count as recurring_interval_count,
        usage_type as recurring_usage_type,
        billing_scheme,
        tiers_mode,
        transform_usage_divide_by as transform_quantity_divide_by,
        transform_usage_round as transform_quantity_round,
        '0' as is_price,
        fivetran_synced,
        file,
        file_date,
        scan_position

    from plans

),

stripe_items as (

    select
        versions.file,
        versions.file_date,
        versions.scan_position,
        versions.id as subscription_id,
        versions.customer_id,
        lower(versions.status) as status,
        lower(versions.livemode) as livemode,
        lower(versions.cancel_at_period_end) as cancel_at_period_end,
        cast(null as varchar) as cancellation_reason,
        cast(null as varchar) as cancellation_feedback,
        versions.pause_collection_behavior as pause_behavior,
        {{ in_utc('versions.pause_collection_resumes_at') }} as pause_ends_at,
        false as has_more_items,
        false as has_unread_discounts,
        cast(null as varchar) as item_discounts,
        row_number() over (
            partition by versions.file, versions.scan_position order by items.created, items.id
        ) as item_number,
        items.id as item_id,
        items.quantity,
        prices.id as price_id,
        prices.currency as price_currency,
        coalesce(prices.unit_amount_decimal, prices.unit_amount) as unit_amount,
        prices.recurring_interval as billing_interval,
        prices.recurring_interval_count as interval_count,
        prices.recurring_usage_type as usage_type,
        prices.billing_scheme,
        prices.tiers_mode,
        prices.transform_quantity_divide_by as divide_by,
        prices.transform_quantity_round as divide_round,
        {{ in_utc('coalesce(versions.start_date, versions.created)') }} as started_at,
        {{ in_utc('coalesce(versions.current_period_end, items.current_period_end)') }}
            as current_period_ends_at,
        {{ in_utc('versions.trial_end') }} as trial_ends_at,
        {{ in_utc('versions.cancel_at') }} as cancel_at,
        {{ in_utc('versions.canceled_at') }} as canceled_at,
        {{ in_utc('versions.ended_at') }} as ended_at,
        {{ in_utc('items.created') }} as item_created_at,
        case
            when lower(items.fivetran_deleted) = 'true'
                then {{ in_utc('items.fivetran_synced') }}
        end as item_ended_at,
        {{ in_utc('versions.fivetran_start') }} as changed_at,
        {{ in_utc('versions.fivetran_synced') }} as seen_at

    from versions
    left join {{ latest_rows('delivered_items', 'id', ['fivetran_synced', 'file_date']) }} as items
        on versions.id = items.subscription_id
    left join
        {{ latest_rows('all_prices', 'id', ['is_price', 'fivetran_synced', 'file_date']) }}
            as prices
        on items.plan_id = prices.id

),

-- A discount that began after a version had ended was none of that version.
stripe_coupons as (

    select
        versions.file,
        versions.scan_position,
        cast(null as bigint) as item_number,
        coupons.percent_off,
        coupons.amount_off,
        coupons.currency as coupon_currency,
        coupons.duration,
        coupons.duration_in_months as discount_months,
        {{ in_utc('discounts.start') }} as discount_started_at,
        {{ in_utc('discounts."end"') }} as discount_ends_at

    from versions
    inner join
        {{ latest_rows('delivered_discounts', 'id', ['fivetran_synced', 'file_date']) }}
            as discounts
        on
            versions.id = discounts.subscription_id
            and coalesce(
                try_cast({{ in_utc('discounts.start') }} as timestamptz)
                < try_cast({{ in_utc('versions.fivetran_end') }} as timestamptz),
                true
            )
    left join
        {{ latest_rows('delivered_coupons', 'id', ['fivetran_synced', 'file_date']) }} as coupons
        on discounts.coupon_id = coupons.id

),

{{ stripe_rows_of_items() }}

select * from stripe_rows
