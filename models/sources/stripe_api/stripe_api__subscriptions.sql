with

snapshots as (

    select * from {{ read_texts(source('stripe_api', 'subscriptions')) }}

),

events as (

    select * from {{ read_texts(source('stripe_api', 'events')) }}

),

delivered_items as (

    select
        *,
        {{ loaded_at() }} as seen_at

    from {{ read_texts(source('stripe_api', 'subscription_items')) }}

),

items_apart as (

    select * from {{ latest_rows('delivered_items', 'id', ['seen_at', 'file_date']) }}

),

-- An event holds the whole subscription as it was from the event on.
states as (

    {{ stripe_states_of('snapshots') }}

    union all by name

    {{ stripe_states_of_events('events') }}

),

{{ stripe_items_of_objects('states', 'items_apart') }},

{{ stripe_rows_of_items() }}

select * from stripe_rows

union all by name

select
    file,
    file_date,
    scan_position,
    'part' as record_role,
    'events of other objects are not used' as remark

from events
where coalesce(type not like 'customer.subscription.%', true)
