{%- set place_in_second -%}
case type when 'customer.subscription.created' then 0 when 'customer.subscription.deleted' then 2 else 1 end
{%- endset -%}

with

api_subscriptions as (

    select * from {{ read_texts(source('stripe_api', 'subscriptions')) }}

),

api_events as (

    select * from {{ read_texts(source('stripe_api', 'events')) }}

),

airbyte_subscriptions as (

    select * from {{ read_texts(source('stripe_airbyte', 'subscriptions')) }}

),

fivetran_versions as (

    select * from {{ read_texts(source('stripe_fivetran', 'subscription_history')) }}

),

-- An event holds the whole subscription as it was from the event on. Stripe dates events by whole
-- seconds: within one, the subscription is made first and deleted last.
objects as (

    select
        'stripe_api' as system,
        *

    from api_subscriptions

    union all by name

    select
        'stripe_airbyte' as system,
        *

    from airbyte_subscriptions

    union all by name

    select
        'stripe_fivetran' as system,
        *,
        customer_id as customer,
        fivetran_start as holds_from

    from fivetran_versions

    union all by name

    select
        'stripe_api' as system,
        {{ json_value('data', '$.object.id') }} as id,
        {{ json_value('data', '$.object.customer') }} as customer,
        {{ json_value('data', '$.object.status') }} as status,
        {{ json_value('data', '$.object.currency') }} as currency,
        {{ json_value('data', '$.object.created') }} as created,
        {{ json_value('data', '$.object.start_date') }} as start_date,
        {{ json_value('data', '$.object.current_period_end') }} as current_period_end,
        {{ json_value('data', '$.object.trial_end') }} as trial_end,
        {{ json_value('data', '$.object.cancel_at') }} as cancel_at,
        {{ json_value('data', '$.object.cancel_at_period_end') }} as cancel_at_period_end,
        {{ json_value('data', '$.object.canceled_at') }} as canceled_at,
        {{ json_value('data', '$.object.ended_at') }} as ended_at,
        {{ json_value('data', '$.object.livemode') }} as livemode,
        {{ json_value('data', '$.object.plan') }} as plan,
        {{ json_value('data', '$.object.quantity') }} as quantity,
        {{ json_value('data', '$.object.items') }} as items,
        {{ json_value('data', '$.object.discount') }} as discount,
        {{ json_value('data', '$.object.discounts') }} as discounts,
        {{ json_value('data', '$.object.cancellation_details') }} as cancellation_details,
        {{ json_value('data', '$.object.pause_collection') }} as pause_collection,
        coalesce(
            {{ iso_text(
                "timezone('UTC', try_cast(" ~ in_utc(iso_from_epoch('api_events.created'))
                ~ " as timestamptz)) + to_microseconds(" ~ place_in_second ~ ")"
            ) }},
            api_events.created
        ) as holds_from,
        sdc_extracted_at,
        airbyte_extracted_at,
        airbyte_emitted_at,
        dlt_load_id,
        file,
        file_date,
        scan_position

    from api_events
    where type like 'customer.subscription.%'

)

-- A loader that follows events says by updated since when a state holds. On its first run it
-- repeats created there, which says nothing.
select
    *,
    coalesce(
        {{ in_utc(iso_from_epoch('holds_from')) }},
        case
            when
                try_cast({{ iso_from_epoch('updated') }} as timestamptz)
                > try_cast({{ iso_from_epoch('created') }} as timestamptz)
                then {{ iso_from_epoch('updated') }}
        end
    ) as changed_at,
    coalesce({{ loaded_at() }}, {{ in_utc('fivetran_synced') }}) as seen_at

from objects
