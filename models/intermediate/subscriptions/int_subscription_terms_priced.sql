{%- set is_dated = var('merges_apply') == 'from_the_merge_on' -%}
with

versions as (

    {%- if is_dated %}
    -- Each version once for every dated customer whose account it names.
    select
        versions.*,
        coalesce(accounts.dated_customer_id, versions.customer_id) as dated_customer_id
    from {{ ref('int_subscription_versions_bounded') }} as versions
    left join {{ ref('int_accounts_dated') }} as accounts
        on versions.account_id = accounts.account_id
    {%- else %}
    select * from {{ ref('int_subscription_versions_bounded') }}
    {%- endif %}

),

with_split as (

    select
        *,
        coalesce(
            original_discount_amount > 0
            and in_force_from < discount_ends_at
            and (in_force_to is null or discount_ends_at < in_force_to),
            false
        ) as is_split

    from versions

),

-- A version whose discount ends while it is in force is two stretches: before that end and after it.
stretches as (

    select
        *,
        in_force_from as stretch_from,
        case when is_split then discount_ends_at else in_force_to end as stretch_to,
        coalesce(discount_ends_at > in_force_from, true) as is_discounted,
        not is_split as is_last_stretch

    from with_split

    union all

    select
        *,
        discount_ends_at as stretch_from,
        in_force_to as stretch_to,
        false as is_discounted,
        true as is_last_stretch

    from with_split
    where is_split

),

with_amounts as (

    select
        *,
        original_amount * quantity as list_amount,
        {%- if var('recurring_discount_counts') %}
        case when is_discounted then original_discount_amount else 0 end as discount,
        case when discount_ends_at is null then original_discount_amount else 0 end
            as discount_of_terms
        {%- else %}
        0 as discount,
        0 as discount_of_terms
        {%- endif %}

    from stretches

),

-- Decision 0009: "Exchange rates never make a movement." A version whose terms the item had before
-- keeps the rate of the day on which the terms began. A discount with an end is no part of the
-- terms: neither its start nor its end takes a new rate.
with_rate_of_terms as (

    select
        *,
        list_amount - discount as recurring_amount,
        first_value(exchange_rate) over (
            partition by
                subscription_id,
                item_id,
                set_aside_reason,
                original_currency,
                list_amount - discount_of_terms,
                interval_unit,
                interval_count
            order by valid_from
        ) as rate_of_terms

    from with_amounts

)

select
    subscription_id,
    item_id,
    {{ 'dated_customer_id as customer_id' if is_dated else 'customer_id' }},
    plan_id,
    status,
    case when is_last_stretch then next_status end as next_status,
    case
        when interval_count = 1 then interval_unit
        else
            cast(interval_count as {{ dbt.type_string() }})
            || ' ' || interval_unit || 's'
    end as billing_interval,
    interval_unit,
    cancel_reason,
    set_aside_reason,
    not_counted_reason,
    interval_count,
    quantity,
    {{ monthly_amount(
        'recurring_amount', 'interval_unit', 'interval_count', 'rate_of_terms'
    ) }} as mrr,
    is_cancel_requested,
    is_ended and is_last_stretch as is_ended,
    valid_from,
    stretch_from as in_force_from,
    stretch_to as in_force_to,
    trial_ends_at,
    period_ends_at,
    set_to_end_at,
    ends_at

from with_rate_of_terms
