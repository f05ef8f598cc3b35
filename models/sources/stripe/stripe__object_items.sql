with

objects as (

    select *
    from {{ ref('stripe__subscription_objects') }}
    where system <> 'stripe_fivetran'

),

api_items as (

    select * from {{ read_texts(source('stripe_api', 'subscription_items')) }}

),

airbyte_items as (

    select * from {{ read_texts(source('stripe_airbyte', 'subscription_items')) }}

),

delivered_items as (

    select
        'stripe_api' as system,
        *

    from api_items

    union all by name

    select
        'stripe_airbyte' as system,
        *

    from airbyte_items

),

listed as (

    select
        *,
        case
            when left(items, 1) = '[' then {{ json_elements('items') }}
            when left(items, 1) = '{' then {{ json_elements('items', '$.data') }}
        end as item_list

    from objects

),

-- A subscription without items has one row.
elements as (

    select
        *,
        unnest(
            case when len(item_list) > 0 then item_list else [cast(null as json)] end
        ) as element,
        unnest(range(1, greatest(len(item_list), 1) + 1)) as item_number

    from listed

),

-- An element is the item itself, or only its id.
named as (

    select
        *,
        coalesce(
            {{ json_value('element', '$.id') }}, {{ json_value('element', '$') }}
        ) as item_id

    from elements

),

-- The newest row of an item that stands by itself; else the only plan of an older object.
joined as (

    select
        named.system,
        named.file,
        named.scan_position,
        named.item_number,
        named.item_id,
        named.currency,
        coalesce(
            {{ json_value('named.element', '$.price') }},
            {{ json_value('named.element', '$.plan') }},
            apart.price,
            apart.plan,
            named.plan
        ) as price,
        coalesce(
            {{ json_value('named.element', '$.quantity') }}, apart.quantity, named.quantity
        ) as quantity,
        coalesce({{ json_value('named.element', '$.created') }}, apart.created) as created,
        coalesce(
            {{ json_value('named.element', '$.current_period_end') }}, apart.current_period_end
        ) as current_period_end,
        {{ json_value('named.element', '$.discounts') }} as item_discounts

    from named
    left join
        {{ latest_rows('delivered_items', 'system, id', [loaded_at(), 'file_date']) }} as apart
        on
            named.system = apart.system
            and named.item_id = apart.id

)

-- Older objects have a plan, with other names for the same.
select
    system,
    file,
    scan_position,
    item_number,
    item_id,
    quantity,
    item_discounts,
    {{ json_value('price', '$.id') }} as price_id,
    coalesce({{ json_value('price', '$.currency') }}, currency) as price_currency,
    coalesce(
        {{ json_value('price', '$.unit_amount_decimal') }},
        {{ json_value('price', '$.unit_amount') }},
        {{ json_value('price', '$.amount_decimal') }},
        {{ json_value('price', '$.amount') }}
    ) as unit_amount,
    coalesce(
        {{ json_value('price', '$.recurring.interval') }}, {{ json_value('price', '$.interval') }}
    ) as billing_interval,
    coalesce(
        {{ json_value('price', '$.recurring.interval_count') }},
        {{ json_value('price', '$.interval_count') }}
    ) as interval_count,
    coalesce(
        {{ json_value('price', '$.recurring.usage_type') }},
        {{ json_value('price', '$.usage_type') }}
    ) as usage_type,
    {{ json_value('price', '$.billing_scheme') }} as billing_scheme,
    {{ json_value('price', '$.tiers_mode') }} as tiers_mode,
    coalesce(
        {{ json_value('price', '$.transform_quantity.divide_by') }},
        {{ json_value('price', '$.transform_usage.divide_by') }}
    ) as divide_by,
    coalesce(
        {{ json_value('price', '$.transform_quantity.round') }},
        {{ json_value('price', '$.transform_usage.round') }}
    ) as divide_round,
    {{ in_utc(iso_from_epoch('created')) }} as item_created_at,
    {{ in_utc(iso_from_epoch('current_period_end')) }} as item_period_ends_at

from joined
