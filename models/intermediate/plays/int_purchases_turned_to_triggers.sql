with

as_of as (

    select * from {{ ref('int_as_of') }}

),

plays as (

    select * from {{ ref('int_plays_started') }}
    where trigger in ('no_order', 'first_order')

),

customer_days as (

    select * from {{ ref('int_customer_days_sequenced') }}
    where is_purchase_day

),

-- Each purchase day with the next one of the customer. The latest day of each customer has none.
purchases as (

    select
        customer_id,
        previous_purchase_date as purchased_on,
        activity_date as next_purchase_on,
        previous_purchase_date = first_purchase_date as is_first

    from customer_days
    where previous_purchase_date is not null

    union all

    select
        customer_id,
        activity_date as purchased_on,
        cast(null as date) as next_purchase_on,
        activity_date = first_purchase_date as is_first

    from customer_days
    where activity_date = last_purchase_date

),

-- A purchase on the day itself is no reason to stay out: the night before it does not know of it.
triggers as (

    select
        plays.play_id,
        purchases.customer_id,
        cast({{ dbt.dateadd('day', 'plays.days', 'purchases.purchased_on') }} as date)
            as triggered_on,
        plays.starts_on,
        plays.trigger,
        purchases.next_purchase_on

    from purchases
    inner join plays
        on plays.trigger = 'no_order' or purchases.is_first

),

of_running_plays as (

    select triggers.*

    from triggers
    cross join as_of
    where
        triggers.triggered_on >= triggers.starts_on
        and triggers.triggered_on <= as_of.as_of
        and (
            triggers.trigger = 'first_order'
            or triggers.next_purchase_on is null
            or triggers.next_purchase_on >= triggers.triggered_on
        )

),

-- Who pays for a subscription has not gone. An end counts once no payment can bridge it any more.
subscribers as (

    select distinct
        triggers.play_id,
        triggers.customer_id,
        triggers.triggered_on

    from of_running_plays as triggers
    inner join {{ ref('int_subscriptions_merged_to_spells') }} as spells
        on
            triggers.customer_id = spells.customer_id
            and triggers.triggered_on > spells.started_on
    where
        triggers.trigger = 'no_order'
        and (
            spells.ended_on is null
            or triggers.triggered_on < {{ dbt.dateadd(
                'day', days_until_an_end_is_certain(), 'spells.ended_on'
            ) }}
        )

)

select
    triggers.play_id,
    triggers.customer_id,
    triggers.triggered_on

from of_running_plays as triggers
left join subscribers
    on
        triggers.play_id = subscribers.play_id
        and triggers.customer_id = subscribers.customer_id
        and triggers.triggered_on = subscribers.triggered_on
where subscribers.customer_id is null
