with

objects as (

    select * from {{ ref('stripe__subscription_objects') }}

),

states as (

    select * from {{ ref('stripe__subscription_states') }}

),

items as (

    select * from {{ ref('stripe__object_items') }}

),

fivetran_discounts as (

    select * from {{ read_texts(source('stripe_fivetran', 'subscription_discount')) }}

),

fivetran_coupons as (

    select * from {{ read_texts(source('stripe_fivetran', 'coupon')) }}

),

-- Older objects have one discount, newer ones a list.
discount_lists as (

    select
        system,
        file,
        scan_position,
        cast(null as bigint) as item_number,
        case
            when regexp_matches(discounts, '^\[\s*\{') then discounts
            when left(discount, 1) = '{' then '[' || discount || ']'
        end as discounts

    from objects

    union all

    select
        system,
        file,
        scan_position,
        item_number,
        item_discounts as discounts

    from items

),

discounts as (

    select
        *,
        unnest({{ json_elements('discounts') }}) as discount

    from discount_lists
    where regexp_matches(discounts, '^\[\s*\{')

),

-- Newer objects keep the coupon one level deeper.
named as (

    select
        *,
        coalesce(
            {{ json_value('discount', '$.coupon') }},
            {{ json_value('discount', '$.source.coupon') }}
        ) as coupon

    from discounts

),

-- A discount of Fivetran that began after a version had ended was none of that version.
coupons as (

    select
        system,
        file,
        scan_position,
        item_number,
        {{ json_value('coupon', '$.percent_off') }} as percent_off,
        {{ json_value('coupon', '$.amount_off') }} as amount_off,
        {{ json_value('coupon', '$.currency') }} as currency,
        {{ json_value('coupon', '$.duration') }} as duration,
        {{ json_value('coupon', '$.duration_in_months') }} as duration_in_months,
        {{ json_value('discount', '$.start') }} as starts,
        {{ json_value('discount', '$.end') }} as ends

    from named

    union all

    select
        objects.system,
        objects.file,
        objects.scan_position,
        null as item_number,
        coupons.percent_off,
        coupons.amount_off,
        coupons.currency,
        coupons.duration,
        coupons.duration_in_months,
        discounts.start as starts,
        discounts."end" as ends

    from objects
    inner join
        {{ latest_rows('fivetran_discounts', 'id', ['fivetran_synced', 'file_date']) }}
            as discounts
        on
            objects.system = 'stripe_fivetran'
            and objects.id = discounts.subscription_id
            and coalesce(
                try_cast({{ in_utc('discounts.start') }} as timestamptz)
                < try_cast({{ in_utc('objects.fivetran_end') }} as timestamptz),
                true
            )
    left join
        {{ latest_rows('fivetran_coupons', 'id', ['fivetran_synced', 'file_date']) }} as coupons
        on discounts.coupon_id = coupons.id

),

dated as (

    select
        coupons.*,
        coalesce({{ in_utc(iso_from_epoch('coupons.starts')) }}, states.started_at) as started_at,
        {{ in_utc(iso_from_epoch('coupons.ends')) }} as ends_at,
        case when coupons.duration = 'repeating' then coupons.duration_in_months end as months

    from coupons
    inner join states
        on
            coupons.system = states.system
            and coupons.file = states.file
            and coupons.scan_position = states.scan_position

)

select
    system,
    file,
    scan_position,
    item_number,
    percent_off,
    try_cast({{ major_units('amount_off', 'currency') }} as decimal(18, 6)) as amount_off,
    lower(currency) as currency,
    months,
    started_at,
    coalesce(ends_at, {{ iso_plus_months('started_at', 'months') }}) as ends_at,
    coalesce(duration = 'once', false) as is_once,
    percent_off is null and amount_off is null as is_unread

from dated
