with

states as (

    select * from {{ ref('stripe__subscription_states') }}

),

items as (

    select * from {{ ref('stripe__priced_items') }}

),

last_items as (

    select *
    from {{ latest_rows('items', 'system, subscription_id, item_id', ['moment']) }}

),

-- The next state of the subscription, which lacks the item.
next_states as (

    select
        last_items.*,
        states.file as next_file,
        states.file_date as next_date,
        states.scan_position as next_position,
        states.changed_at as next_changed_at,
        states.seen_at as next_seen_at,
        states.moment as next_moment,
        row_number() over (
            partition by last_items.system, last_items.subscription_id, last_items.item_id
            order by states.moment, states.file, states.scan_position
        ) as nearest_first

    from last_items
    inner join states
        on
            last_items.system = states.system
            and last_items.subscription_id = states.subscription_id
            and last_items.moment < states.moment
    where
        last_items.mapping_fault is null
        and last_items.ended_at is null

)

select
    left_items.system,
    left_items.subscription_id,
    left_items.item_id,
    left_items.customer_id,
    left_items.price_id as plan_id,
    'canceled' as status,
    left_items.billing_interval,
    left_items.interval_count,
    left_items.price_currency as currency,
    left_items.amount,
    left_items.quantity,
    left_items.is_test,
    left_items.item_started_at as started_at,
    coalesce(
        min(successors.item_created_at),
        {{ iso_text("timezone('UTC', any_value(left_items.next_moment))") }}
    ) as ended_at,
    left_items.next_changed_at as effective_at,
    left_items.next_seen_at as updated_at,
    left_items.next_file as file,
    left_items.next_date as file_date,
    left_items.next_position as scan_position,
    'derived' as record_role,
    'the item has left its subscription: it ends' as remark

from next_states as left_items
left join items as successors
    on
        left_items.system = successors.system
        and left_items.next_file = successors.file
        and left_items.next_position = successors.scan_position
        and try_cast(successors.item_created_at as timestamptz) > left_items.moment
where left_items.nearest_first = 1
group by all
