with

items as (

    select * from {{ ref('stripe__discounted_items') }}

),

left_items as (

    select * from {{ ref('stripe__left_items') }}

)

select
    system,
    subscription_id,
    item_id,
    customer_id,
    price_id as plan_id,
    status,
    billing_interval,
    interval_count,
    price_currency as currency,
    amount,
    cast(round(discount_amount, 4) as varchar) as discount_amount,
    case when discount_amount > 0 then discount_ends_at end as discount_ends_at,
    quantity,
    cancel_reason,
    is_test,
    item_started_at as started_at,
    trial_ends_at,
    paid_until as current_period_ends_at,
    cancel_requested_at,
    least(
        item_ended_at,
        coalesce(
            ended_at,
            cancel_at,
            case when stripe_status = 'canceled' then canceled_at end,
            case when is_set_to_end then paid_until end
        )
    ) as ended_at,
    changed_at as effective_at,
    seen_at as updated_at,
    file,
    file_date,
    scan_position,
    case when place > 1 then 'derived' end as record_role,
    mapping_fault,
    nullif(concat_ws(
        '; ',
        case
            when is_paused then 'payments are not collected: the subscription is taken as paused'
        end,
        case when has_once then 'a coupon for one invoice is no recurring discount: left out' end,
        case when has_unread then 'a discount is named without its worth: left out' end,
        case when has_foreign then 'a coupon is in another currency: left out' end,
        case when has_more_items then 'the object lists only its first items' end
    ), '') as remark

from items

union all by name

select * from left_items
