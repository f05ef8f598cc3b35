{#-
    Stripe's subscriptions become rows of the raw contract, one per item. Its objects come through several loaders, under
    several names: a mapping says which column is which, and these macros do what is the same for all.

      stripe_items    one row per subscription state and item, with the price's fields as Stripe names them.
      stripe_coupons  one row per subscription state and coupon; item_number is NULL for the whole subscription.
      stripe_rows     one row of the contract per item, and the ends of items that have left their subscription.

    A state is told by file and scan_position: a record.
-#}

{#- The fields of Stripe's subscription that are read. -#}
{% macro stripe_fields() -%}
    {{ return([
        'id', 'customer', 'status', 'currency', 'created', 'start_date', 'current_period_end', 'trial_end', 'cancel_at',
        'cancel_at_period_end', 'canceled_at', 'ended_at', 'livemode', 'plan', 'quantity', 'items', 'discount', 'discounts',
        'cancellation_details', 'pause_collection',
    ]) }}
{%- endmacro %}

{#-
    The states in an entity of subscriptions. A loader that follows events says by `updated` since when the state holds; on its
    first run it repeats `created` there, which says nothing. Else the state holds from the moment it was loaded on.
-#}
{% macro stripe_states_of(relation) -%}
    select
        file,
        file_date,
        scan_position,
        {% for field in stripe_fields() -%}
        {{ field }},
        {% endfor -%}
        case
            when
                try_cast({{ iso_from_epoch('updated') }} as timestamptz)
                > try_cast({{ iso_from_epoch('created') }} as timestamptz)
                then {{ iso_from_epoch('updated') }}
        end as changed_at,
        {{ loaded_at() }} as seen_at

    from {{ relation }}
{%- endmacro %}

{#- The states that events of subscriptions hold: each holds from its event on. -#}
{% macro stripe_states_of_events(relation) -%}
    select
        file,
        file_date,
        scan_position,
        {% for field in stripe_fields() -%}
        {{ json_value(json_only('data'), '$.object.' ~ field) }} as {{ field }},
        {% endfor -%}
        {{ iso_from_epoch('created') }} as changed_at,
        {{ loaded_at() }} as seen_at

    from {{ relation }}
    where type like 'customer.subscription.%'
{%- endmacro %}

{#- When a loader took the record from its system: by Singer, Airbyte or dlt. -#}
{% macro loaded_at() -%}
    coalesce(
        {{ in_utc('sdc_extracted_at') }},
        {{ in_utc(iso_from_epoch('airbyte_extracted_at')) }},
        {{ in_utc(iso_from_epoch('airbyte_emitted_at')) }},
        {{ iso_from_epoch('dlt_load_id') }}
    )
{%- endmacro %}

{#-
    objects holds the fields of Stripe's subscription as texts, and seen_at, changed_at (ISO texts). items_apart holds
    subscription_items: some loaders leave only their ids in the subscription.
-#}
{% macro stripe_items_of_objects(objects, items_apart) -%}
stripe_objects as (

    select
        file,
        file_date,
        scan_position,
        id as subscription_id,
        coalesce(
            {{ json_value(json_only('customer'), '$.id') }}, nullif(customer, '')
        ) as customer_id,
        lower(status) as status,
        currency,
        lower(cancel_at_period_end) as cancel_at_period_end,
        lower(livemode) as livemode,
        {{ json_value(json_only('cancellation_details'), '$.reason') }} as cancellation_reason,
        {{ json_value(json_only('cancellation_details'), '$.feedback') }} as cancellation_feedback,
        {{ json_value(json_only('pause_collection'), '$.behavior') }} as pause_behavior,
        {{ json_value(json_only('pause_collection'), '$.resumes_at') }} as pause_ends,
        {{ json_only('plan') }} as plan,
        quantity,
        case
            when json_type(try_cast(items as json)) = 'ARRAY'
                then {{ json_elements(json_only('items')) }}
            when json_type(try_cast(items as json), '$.data') = 'ARRAY'
                then {{ json_elements(json_only('items'), '$.data') }}
        end as item_list,
        {{ json_value(json_only('items'), '$.has_more') }} = 'true' as has_more_items,
        case
            when json_type(try_cast(discounts as json), '$[0]') = 'OBJECT'
                then {{ json_elements(json_only('discounts')) }}
            when json_type(try_cast(discount as json)) = 'OBJECT'
                then [try_cast(discount as json)]
        end as discount_list,
        coalesce(json_type(try_cast(discounts as json), '$[0]') = 'VARCHAR', false)
        and coalesce(json_type(try_cast(discount as json)) <> 'OBJECT', true)
            as has_unread_discounts,
        {{ iso_from_epoch('created') }} as created_at,
        {{ iso_from_epoch('coalesce(start_date, created)') }} as started_at,
        {{ iso_from_epoch('current_period_end') }} as current_period_ends_at,
        {{ iso_from_epoch('trial_end') }} as trial_ends_at,
        {{ iso_from_epoch('cancel_at') }} as cancel_at,
        {{ iso_from_epoch('canceled_at') }} as canceled_at,
        {{ iso_from_epoch('ended_at') }} as ended_at,
        changed_at,
        seen_at

    from {{ objects }}

),

stripe_elements as (

    select
        stripe_objects.* exclude (item_list),
        unnest(
            case when len(item_list) > 0 then item_list else [cast(null as json)] end
        ) as element,
        unnest(range(1, greatest(len(item_list), 1) + 1)) as item_number

    from stripe_objects

),

-- An element is the item itself, or only its id.
stripe_elements_read as (

    select
        *,
        coalesce(
            {{ json_value('element', '$.id') }}, {{ json_value('element', '$') }}
        ) as item_id

    from stripe_elements

),

stripe_elements_joined as (

    select
        elements.* exclude (element, plan, quantity),
        coalesce(
            {{ json_value('elements.element', '$.price') }},
            {{ json_value('elements.element', '$.plan') }},
            {{ json_only('apart.price') }},
            {{ json_only('apart.plan') }},
            elements.plan
        ) as price,
        coalesce(
            {{ json_value('elements.element', '$.quantity') }}, apart.quantity, elements.quantity
        ) as quantity,
        coalesce({{ json_value('elements.element', '$.created') }}, apart.created) as item_created,
        coalesce(
            {{ json_value('elements.element', '$.current_period_end') }}, apart.current_period_end
        ) as item_period_end,
        {{ json_value('elements.element', '$.discounts') }} as item_discounts

    from stripe_elements_read as elements
    left join {{ items_apart }} as apart
        on elements.item_id = apart.id

),

stripe_items as (

    select
        joined.* exclude (price, item_created, item_period_end, current_period_ends_at, pause_ends),
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
        {{ iso_from_epoch('item_created') }} as item_created_at,
        cast(null as varchar) as item_ended_at,
        coalesce(
            current_period_ends_at, {{ iso_from_epoch('item_period_end') }}
        ) as current_period_ends_at,
        {{ iso_from_epoch('pause_ends') }} as pause_ends_at

    from stripe_elements_joined as joined

),

stripe_discounts as (

    select
        file,
        scan_position,
        cast(null as bigint) as item_number,
        started_at,
        unnest(discount_list) as discount

    from stripe_objects

    union all

    select
        file,
        scan_position,
        item_number,
        started_at,
        unnest({{ json_elements('item_discounts') }}) as discount

    from stripe_items
    where regexp_matches(item_discounts, '^\[\s*\{')

),

-- Newer objects keep the coupon one level deeper.
stripe_discounts_read as (

    select
        *,
        coalesce(
            {{ json_value('discount', '$.coupon') }}, {{ json_value('discount', '$.source.coupon') }}
        ) as coupon,
        {{ json_value('discount', '$.start') }} as discount_start,
        {{ json_value('discount', '$.end') }} as discount_end

    from stripe_discounts

),

stripe_coupons as (

    select
        file,
        scan_position,
        item_number,
        {{ json_value(json_only('coupon'), '$.percent_off') }} as percent_off,
        {{ json_value(json_only('coupon'), '$.amount_off') }} as amount_off,
        {{ json_value(json_only('coupon'), '$.currency') }} as coupon_currency,
        {{ json_value(json_only('coupon'), '$.duration') }} as duration,
        {{ json_value(json_only('coupon'), '$.duration_in_months') }} as discount_months,
        coalesce({{ iso_from_epoch('discount_start') }}, started_at) as discount_started_at,
        {{ iso_from_epoch('discount_end') }} as discount_ends_at

    from stripe_discounts_read

)
{%- endmacro %}


{#-
    stripe_items and stripe_coupons to rows of the contract. Of a record, the first item that can be read is the record, and
    each further item a row derived from it.
-#}
{% macro stripe_rows_of_items() -%}
stripe_coupons_known as (

    select
        file,
        scan_position,
        item_number,
        coupon_currency,
        discount_started_at,
        case when duration = 'repeating' then discount_months end as discount_months,
        coalesce(
            discount_ends_at,
            case
                when duration = 'repeating'
                    then {{ iso_plus_months('discount_started_at', 'discount_months') }}
            end
        ) as discount_ends_at,
        coalesce(duration = 'once', false) as is_once,
        percent_off is null and amount_off is null as is_unread,
        percent_off,
        try_cast({{ major_units('amount_off', 'coupon_currency') }} as decimal(18, 6)) as amount_off

    from stripe_coupons

),

-- A coupon for one invoice is no recurring discount.
stripe_reductions as (

    select
        file,
        scan_position,
        item_number,
        {{ share_off("case when not is_once then percent_off end") }} as share_off,
        sum(case when not is_once then amount_off end) as amount_off,
        max(case when not is_once and amount_off is not null then lower(coupon_currency) end)
            as coupon_currency,
        case
            when count(*) filter (where not is_once and discount_ends_at is null) = 0
                then max(case when not is_once then discount_ends_at end)
        end as discount_ends_at,
        max(case when not is_once then discount_months end) as discount_months,
        min(case when not is_once then discount_started_at end) as discount_started_at,
        bool_or(is_once) as has_once,
        bool_or(is_unread and not is_once) as has_unread

    from stripe_coupons_known
    group by file, scan_position, item_number

),

stripe_priced as (

    select
        items.*,
        {{ major_units('unit_amount', 'price_currency') }} as amount,
        case
            when try_cast(divide_by as integer) > 0 and divide_round = 'up'
                then cast(cast(ceil(try_cast(quantity as double) / try_cast(divide_by as integer)) as bigint) as varchar)
            when try_cast(divide_by as integer) > 0
                then cast(cast(floor(try_cast(quantity as double) / try_cast(divide_by as integer)) as bigint) as varchar)
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
        coalesce(
            try_cast(changed_at as timestamptz),
            try_cast(seen_at as timestamptz),
            timezone('UTC', cast(file_date as timestamp))
        ) as moment,
        min(try_cast(item_created_at as timestamptz)) over (
            partition by subscription_id
        ) as first_item_created_at

    from stripe_items as items

),

stripe_worth as (

    select
        *,
        coalesce(try_cast(interval_count as integer), 1)
        * case billing_interval when 'month' then 1 when 'year' then 12 else 0 end as period_months,
        case
            when mapping_fault is null
                then
                    cast(
                        try_cast(amount as decimal(18, 6))
                        * try_cast(coalesce(units, '1') as decimal(10, 0)) as decimal(28, 6)
                    )
        end as worth,
        row_number() over (
            partition by file, scan_position
            order by case when mapping_fault is null then 0 else 1 end, item_number
        ) as place

    from stripe_priced

),

-- Percentages come off every item. An amount comes off the first item, and what is more than its
-- worth off the next one.
stripe_reduced as (

    select
        worth.*,
        cast(worth.worth * coalesce(whole.share_off, 0) as decimal(28, 6)) as whole_percent_off,
        case
            when lower(worth.price_currency) = whole.coupon_currency then whole.amount_off
        end as whole_amount_off,
        coalesce(own.share_off, 0) as own_share_off,
        case
            when lower(worth.price_currency) = own.coupon_currency then own.amount_off else 0
        end as own_amount_off,
        case
            when whole.discount_ends_at is null and own.discount_ends_at is null then null
            when whole.file is null then own.discount_ends_at
            when own.file is null then whole.discount_ends_at
            when whole.discount_ends_at is not null and own.discount_ends_at is not null
                then greatest(whole.discount_ends_at, own.discount_ends_at)
        end as discount_ends_at,
        coalesce(whole.discount_months, own.discount_months) as discount_months,
        coalesce(whole.discount_started_at, own.discount_started_at) as discount_started_at,
        coalesce(whole.has_once, false) or coalesce(own.has_once, false) as has_once,
        coalesce(whole.has_unread, false) or coalesce(own.has_unread, false)
        or coalesce(regexp_matches(worth.item_discounts, '^\[\s*"'), false)
        or coalesce(worth.has_unread_discounts, false) as has_unread,
        coalesce(lower(worth.price_currency) <> whole.coupon_currency, false)
        or coalesce(lower(worth.price_currency) <> own.coupon_currency, false) as has_foreign

    from stripe_worth as worth
    left join stripe_reductions as whole
        on
            worth.file = whole.file
            and worth.scan_position = whole.scan_position
            and whole.item_number is null
    left join stripe_reductions as own
        on
            worth.file = own.file
            and worth.scan_position = own.scan_position
            and worth.item_number = own.item_number

),

stripe_discounted as (

    select
        *,
        whole_percent_off
        + greatest(
            0,
            least(
                worth - whole_percent_off,
                coalesce(whole_amount_off, 0)
                - coalesce(
                    sum(worth - whole_percent_off) over (
                        partition by file, scan_position
                        order by place
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                )
            )
        ) as whole_discount

    from stripe_reduced

),

stripe_states as (

    select
        *,
        least(
            worth,
            whole_discount
            + cast((worth - whole_discount) * own_share_off as decimal(28, 6))
            + own_amount_off
        ) as discount_amount,
        -- what comes off an invoice holds for all months that the invoice pays for
        case
            when discount_ends_at is not null and discount_months is not null and period_months > 1
                then
                    {{ iso_plus_months(
                        'discount_started_at',
                        'ceil(try_cast(discount_months as double) / period_months) * period_months'
                    ) }}
            else discount_ends_at
        end as reduced_until,
        pause_behavior in ('void', 'mark_uncollectible')
        and status in ('active', 'past_due')
        and coalesce(try_cast(pause_ends_at as timestamptz) > moment, true) as is_paused,
        coalesce(cancellation_reason in ('payment_failed', 'payment_disputed'), false)
            as is_ended_by_payment,
        -- an item that was added to a running subscription began on its own
        case
            when
                try_cast(item_created_at as timestamptz) > first_item_created_at
                and try_cast(item_created_at as timestamptz) > try_cast(started_at as timestamptz)
                then item_created_at
            else started_at
        end as item_started_at,
        case livemode when 'false' then 'true' when 'true' then 'false' end as is_test

    from stripe_discounted

),

{{ stripe_left_items() }},

stripe_rows as (

    select
        subscription_id,
        item_id,
        customer_id,
        price_id as plan_id,
        case when is_paused then 'paused' else status end as status,
        billing_interval,
        interval_count,
        price_currency as currency,
        amount,
        cast(round(discount_amount, 4) as varchar) as discount_amount,
        case when discount_amount > 0 then reduced_until end as discount_ends_at,
        units as quantity,
        case
            when is_ended_by_payment then cancellation_reason
            else coalesce(cancellation_feedback, cancellation_reason)
        end as cancel_reason,
        is_test,
        item_started_at as started_at,
        trial_ends_at,
        current_period_ends_at,
        case when not is_ended_by_payment then canceled_at end as cancel_requested_at,
        least(
            item_ended_at,
            coalesce(
                ended_at,
                cancel_at,
                case when status = 'canceled' then canceled_at end,
                case when cancel_at_period_end = 'true' then current_period_ends_at end
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
                when is_paused
                    then 'payments are not collected: the subscription is taken as paused'
            end,
            case when has_once then 'a coupon for one invoice is no recurring discount: left out' end,
            case when has_unread then 'a discount is named without its worth: left out' end,
            case when has_foreign then 'a coupon is in another currency: left out' end,
            case when has_more_items then 'the object lists only its first items' end
        ), '') as remark

    from stripe_states

    union all by name

    select * from stripe_left_items

)
{%- endmacro %}


{#-
    An item that an earlier state has and the next one lacks has left the subscription between the two. It ends when the
    item began that took its place, or else at the later state. The row is derived from the later state's record.
-#}
{% macro stripe_left_items() -%}
stripe_last_states as (

    select *
    from {{ latest_rows('stripe_states', 'subscription_id, item_id', ['moment']) }}

),

stripe_moments as (

    select distinct
        subscription_id,
        moment,
        changed_at,
        seen_at,
        file,
        file_date,
        scan_position

    from stripe_states

),

stripe_next_moments as (

    select
        last_states.* exclude (file, file_date, scan_position, changed_at, seen_at),
        moments.file,
        moments.file_date,
        moments.scan_position,
        moments.changed_at,
        moments.seen_at,
        moments.moment as next_moment,
        row_number() over (
            partition by last_states.subscription_id, last_states.item_id
            order by moments.moment, moments.file, moments.scan_position
        ) as nearest_first

    from stripe_last_states as last_states
    inner join stripe_moments as moments
        on
            last_states.subscription_id = moments.subscription_id
            and last_states.moment < moments.moment

),

stripe_left_items as (

    select
        left_items.subscription_id,
        left_items.item_id,
        left_items.customer_id,
        left_items.price_id as plan_id,
        'canceled' as status,
        left_items.billing_interval,
        left_items.interval_count,
        left_items.price_currency as currency,
        left_items.amount,
        left_items.units as quantity,
        left_items.is_test,
        left_items.item_started_at as started_at,
        coalesce(
            min(successors.item_created_at),
            {{ iso_text("timezone('UTC', any_value(left_items.next_moment))") }}
        ) as ended_at,
        left_items.changed_at as effective_at,
        left_items.seen_at as updated_at,
        left_items.file,
        left_items.file_date,
        left_items.scan_position,
        'derived' as record_role,
        'the item has left its subscription: it ends' as remark

    from stripe_next_moments as left_items
    left join stripe_states as successors
        on
            left_items.file = successors.file
            and left_items.scan_position = successors.scan_position
            and try_cast(successors.item_created_at as timestamptz) > left_items.moment
    where
        left_items.nearest_first = 1
        and left_items.mapping_fault is null
        and left_items.ended_at is null
    group by all

)
{%- endmacro %}
