with

as_of as (

    select * from {{ ref('int_as_of') }}

),

plays as (

    select * from {{ ref('plays') }}
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

)

select
    triggers.play_id,
    triggers.customer_id,
    triggers.triggered_on

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
