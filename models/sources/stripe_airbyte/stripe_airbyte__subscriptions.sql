with

snapshots as (

    select * from {{ read_texts(source('stripe_airbyte', 'subscriptions')) }}

),

delivered_items as (

    select
        *,
        {{ loaded_at() }} as seen_at

    from {{ read_texts(source('stripe_airbyte', 'subscription_items')) }}

),

items_apart as (

    select * from {{ latest_rows('delivered_items', 'id', ['seen_at', 'file_date']) }}

),

states as (

    {{ stripe_states_of('snapshots') }}

),

{{ stripe_items_of_objects('states', 'items_apart') }},

{{ stripe_rows_of_items() }}

select * from stripe_rows
