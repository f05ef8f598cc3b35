with

coupons as (

    select * from {{ ref('stripe__subscription_coupons') }}

)

-- A coupon for one invoice is no recurring discount. Of several, the last to end counts.
select
    system,
    file,
    scan_position,
    item_number,
    {{ share_off("case when not is_once then percent_off end") }} as share_off,
    sum(amount_off) filter (where not is_once) as amount_off,
    max(currency) filter (where not is_once and amount_off is not null) as currency,
    case
        when count(*) filter (where not is_once and ends_at is null) = 0
            then max(ends_at) filter (where not is_once)
    end as ends_at,
    max(months) filter (where not is_once) as months,
    min(started_at) filter (where not is_once) as started_at,
    bool_or(is_once) as has_once,
    bool_or(is_unread and not is_once) as has_unread

from coupons
group by system, file, scan_position, item_number
