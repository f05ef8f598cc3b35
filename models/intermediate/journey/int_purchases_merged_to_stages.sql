{#- A limit out of order yields to order_lapse_days, which retention uses too: a shop that sets it to 45 has nobody at risk. -#}
{%- set lapse_days = var('order_lapse_days') -%}
{%- set at_risk_days = [var('at_risk_days'), lapse_days] | min -%}
{%- set new_days = [var('new_customer_days'), at_risk_days] | min -%}
{%- set lost_days = [var('lost_days'), lapse_days] | max -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

accounts as (

    select * from {{ ref('int_customers_assessed') }}
    where is_counted and signed_up_on is not null

),

customer_days as (

    {%- if var('merges_apply') == 'from_the_merge_on' %}
    select
        customer_id,
        is_purchase_day,
        purchase_number,
        activity_date,
        previous_purchase_date
    from {{ ref('int_customer_days_sequenced') }}

    union all

    select
        customer_id,
        is_purchase_day,
        purchase_number,
        activity_date,
        previous_purchase_date
    from {{ ref('int_customer_days_dated') }}
    {%- else %}
    select * from {{ ref('int_customer_days_sequenced') }}
    {%- endif %}

),

versions as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where not_counted_reason is null

),

-- A purchase on the day of the lapse comes in time, as in int_activities_merged_to_runs.
purchases as (

    select
        customer_days.customer_id,
        customer_days.purchase_number,
        customer_days.activity_date as purchased_on,
        {{ dbt.datediff(
            'customer_days.previous_purchase_date', 'customer_days.activity_date', 'day'
        ) }} as days_since_previous,
        max(
            case
                when {{ dbt.datediff(
                    'customer_days.previous_purchase_date', 'customer_days.activity_date', 'day'
                ) }} > {{ lapse_days }}
                    then customer_days.activity_date
            end
        ) over a_customer as won_back_on,
        coalesce(
            lead(customer_days.activity_date) over a_customer, as_of.as_of
        ) as known_until

    from customer_days
    cross join as_of
    where customer_days.is_purchase_day
    window a_customer as (
        partition by customer_days.customer_id order by customer_days.activity_date
    )

),

-- Further purchases end the time as a new customer, and not the time as one who was won back.
with_first_days as (

    select
        *,
        coalesce(won_back_on = purchased_on, false) as is_comeback,
        cast(
            case
                when purchase_number = 1 then {{ dbt.dateadd('day', new_days, 'purchased_on') }}
                when purchased_on <= {{ dbt.dateadd('day', new_days, 'won_back_on') }}
                    then {{ dbt.dateadd('day', new_days, 'won_back_on') }}
            end as date
        ) as first_days_end_on

    from purchases

),

first_days_known as (

    select
        customer_id,
        min(known_on) as known_on

    from (
        select
            customer_id,
            signed_up_on as known_on
        from accounts

        union all

        select
            customer_id,
            {{ local_date('in_force_from') }} as known_on
        from versions

        union all

        select
            customer_id,
            activity_date as known_on
        from customer_days
        where previous_purchase_date is null
    ) as sightings
    group by customer_id

),

-- Where a stage begins, if no other purchase came before. A purchase that finds its customer active
-- begins nothing, so most purchases of a good customer are no row here.
entries as (

    select
        first_days_known.customer_id,
        'prospect' as stage,
        'first known' as reason,
        first_days_known.known_on as entered_on,
        purchases.purchased_on as known_until
    from first_days_known
    left join purchases
        on
            first_days_known.customer_id = purchases.customer_id
            and purchases.purchase_number = 1

    union all

    select
        customer_id,
        case when purchase_number = 1 then 'new' when is_comeback then 'won_back' else 'active' end
            as stage,
        case
            when purchase_number = 1 then 'first order'
            when is_comeback then 'order after a lapse'
            else 'order'
        end as reason,
        purchased_on as entered_on,
        known_until
    from with_first_days
    where
        purchase_number = 1
        or is_comeback
        or (
            first_days_end_on is null
            and (
                days_since_previous > {{ at_risk_days }}
                or (purchase_number = 2 and days_since_previous <= {{ new_days }})
            )
        )

    union all

    select
        customer_id,
        'active' as stage,
        case
            when purchase_number = 1 then '{{ new_days }} days after the first order'
            else '{{ new_days }} days after the return'
        end as reason,
        first_days_end_on as entered_on,
        known_until
    from with_first_days
    where first_days_end_on < {{ dbt.dateadd('day', at_risk_days, 'purchased_on') }}
    {%- for stage, days, days_of_next in [
        ('at_risk', at_risk_days, lapse_days),
        ('lapsed', lapse_days, lost_days),
        ('lost', lost_days, none),
    ] if days != days_of_next %}

    union all

    select
        customer_id,
        '{{ stage }}' as stage,
        '{{ days }} days without an order' as reason,
        cast({{ dbt.dateadd('day', days, 'purchased_on') }} as date) as entered_on,
        known_until
    from with_first_days
    {%- endfor %}

)

select
    entries.customer_id,
    entries.stage,
    lag(entries.stage) over a_customer as previous_stage,
    entries.reason,
    entries.entered_on,
    lead(entries.entered_on) over a_customer as left_on

from entries
cross join as_of
where entries.entered_on < coalesce(entries.known_until, as_of.as_of)
window a_customer as (partition by entries.customer_id order by entries.entered_on)
