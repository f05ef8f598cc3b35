with

versions as (

    select *
    from {{ ref('stripe__subscription_objects') }}
    where system = 'stripe_fivetran'

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

-- Plans came before prices. An id is the same in both.
all_prices as (

    select
        *,
        1 as is_price

    from prices

    union all by name

    select
        *,
        amount as unit_amount,
        interval as recurring_interval,
        interval_count as recurring_interval_count,
        usage_type as recurring_usage_type,
        transform_usage_divide_by as transform_quantity_divide_by,
        transform_usage_round as transform_quantity_round,
        0 as is_price

    from plans

)

select
    versions.system,
    versions.file,
    versions.scan_position,
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
    {{ in_utc('items.created') }} as item_created_at,
    {{ in_utc('items.current_period_end') }} as item_period_ends_at,
    case
        when {{ is_true('items.fivetran_deleted') }} then {{ in_utc('items.fivetran_synced') }}
    end as item_ended_at

from versions
left join {{ latest_rows('delivered_items', 'id', ['fivetran_synced', 'file_date']) }} as items
    on versions.id = items.subscription_id
left join
    {{ latest_rows('all_prices', 'id', ['is_price', 'fivetran_synced', 'file_date']) }} as prices
    on items.plan_id = prices.id
