with

priced_items as (

    select * from {{ ref('stripe__priced_items') }}

),

discounts as (

    select * from {{ ref('stripe__subscription_discounts') }}

),

items as (

    select
        *,
        case
            when mapping_fault is null
                then
                    cast(
                        try_cast(amount as decimal(18, 6))
                        * try_cast(coalesce(quantity, '1') as decimal(10, 0)) as decimal(28, 6)
                    )
        end as worth

    from priced_items

),

-- A discount is of the whole subscription, or of the item.
reduced as (

    select
        items.*,
        cast(items.worth * coalesce(whole.share_off, 0) as decimal(28, 6)) as whole_percent_off,
        case
            when lower(items.price_currency) = whole.currency then whole.amount_off else 0
        end as whole_amount_off,
        coalesce(own.share_off, 0) as own_share_off,
        case
            when lower(items.price_currency) = own.currency then own.amount_off else 0
        end as own_amount_off,
        case
            when whole.file is null then own.ends_at
            when own.file is null then whole.ends_at
            when whole.ends_at is not null and own.ends_at is not null
                then greatest(whole.ends_at, own.ends_at)
        end as ends_at,
        coalesce(whole.months, own.months) as months,
        coalesce(whole.started_at, own.started_at) as discount_started_at,
        coalesce(whole.has_once, false) or coalesce(own.has_once, false) as has_once,
        coalesce(whole.has_unread, false) or coalesce(own.has_unread, false)
        or coalesce(regexp_matches(items.item_discounts, '^\[\s*"'), false)
        or coalesce(items.has_unread_discounts, false) as has_unread,
        coalesce(lower(items.price_currency) <> whole.currency, false)
        or coalesce(lower(items.price_currency) <> own.currency, false) as has_foreign

    from items
    left join discounts as whole
        on
            items.system = whole.system
            and items.file = whole.file
            and items.scan_position = whole.scan_position
            and whole.item_number is null
    left join discounts as own
        on
            items.system = own.system
            and items.file = own.file
            and items.scan_position = own.scan_position
            and items.item_number = own.item_number

),

-- Percentages come off every item. An amount comes off the first item, and what is more than its
-- worth off the next one.
spread as (

    select
        *,
        whole_percent_off
        + greatest(
            0,
            least(
                worth - whole_percent_off,
                whole_amount_off
                - coalesce(
                    sum(worth - whole_percent_off) over (
                        partition by system, file, scan_position
                        order by place
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                )
            )
        ) as whole_discount

    from reduced

)

-- What comes off an invoice holds for all months that the invoice pays for.
select
    *,
    least(
        worth,
        whole_discount
        + cast((worth - whole_discount) * own_share_off as decimal(28, 6))
        + own_amount_off
    ) as discount_amount,
    case
        when ends_at is not null and months is not null and period_months > 1
            then
                {{ iso_plus_months(
                    'discount_started_at',
                    'ceil(try_cast(months as double) / period_months) * period_months'
                ) }}
        else ends_at
    end as discount_ends_at

from spread
