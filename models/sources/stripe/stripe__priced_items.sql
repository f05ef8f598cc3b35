with

states as (

    select * from {{ ref('stripe__subscription_states') }}

),

items as (

    select * from {{ ref('stripe__object_items') }}

    union all by name

    select * from {{ ref('stripe__fivetran_items') }}

),

-- A price may be one of a package of several units.
read_items as (

    select
        *,
        {{ major_units('unit_amount', 'price_currency') }} as amount,
        case
            when try_cast(divide_by as integer) > 0
                then
                    cast(
                        cast(
                            case
                                when divide_round = 'up'
                                    then
                                        ceil(
                                            try_cast(quantity as double)
                                            / try_cast(divide_by as integer)
                                        )
                                else
                                    floor(
                                        try_cast(quantity as double)
                                        / try_cast(divide_by as integer)
                                    )
                            end as bigint
                        ) as varchar
                    )
            else quantity
        end as units,
        case
            when item_id is null and price_id is null then 'the subscription has no item'
            when price_id is null then 'the price of item ' || item_id || ' is in no file'
            when billing_scheme = 'tiered'
                then
                    'tiers are not supported: price ' || price_id
                    || coalesce(' is ' || tiers_mode, ' has tiers')
            when usage_type = 'metered' then 'metered usage is not supported: price ' || price_id
        end as mapping_fault,
        coalesce(try_cast(interval_count as integer), 1)
        * case billing_interval when 'month' then 1 when 'year' then 12 else 0 end as period_months

    from items

),

joined as (

    select
        states.*,
        coalesce(states.period_ends_at, items.item_period_ends_at) as paid_until,
        items.item_number,
        items.item_id,
        items.item_created_at,
        items.item_ended_at,
        items.item_discounts,
        items.price_id,
        items.price_currency,
        items.billing_interval,
        items.interval_count,
        items.period_months,
        items.amount,
        items.units as quantity,
        items.mapping_fault,
        min(try_cast(items.item_created_at as timestamptz)) over (
            partition by states.system, states.subscription_id
        ) as first_item_created_at

    from states
    inner join read_items as items
        on
            states.system = items.system
            and states.file = items.file
            and states.scan_position = items.scan_position

)

-- An item that was added to a running subscription began on its own. The first item that can be
-- read is the record.
select
    *,
    case
        when
            try_cast(item_created_at as timestamptz) > first_item_created_at
            and try_cast(item_created_at as timestamptz) > try_cast(started_at as timestamptz)
            then item_created_at
        else started_at
    end as item_started_at,
    row_number() over (
        partition by system, file, scan_position
        order by case when mapping_fault is null then 0 else 1 end, item_number
    ) as place

from joined
