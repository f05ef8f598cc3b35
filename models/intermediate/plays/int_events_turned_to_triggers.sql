with

as_of as (

    select * from {{ ref('int_as_of') }}

),

plays as (

    select * from {{ ref('int_plays_started') }}
    where trigger in ('cart_abandoned', 'complaint', 'referral_bought', 'tier_reached', 'birthday')

),

purchase_days as (

    select
        customer_id,
        activity_date,
        first_purchase_date
    from {{ ref('int_customer_days_sequenced') }}
    where is_purchase_day and exists (select 1 from plays)

),

first_purchase_days as (

    select
        customer_id,
        first_purchase_date as first_day
    from purchase_days
    where activity_date = first_purchase_date

),

carts as (

    select
        carts.customer_id,
        carts.created_on,
        min(purchase_days.activity_date) as bought_on

    from {{ ref('int_carts_assessed') }} as carts
    left join purchase_days
        on
            carts.customer_id = purchase_days.customer_id
            and carts.created_on <= purchase_days.activity_date
    where carts.is_counted and carts.customer_id is not null
    group by carts.customer_id, carts.created_on

),

-- Somebody who was born on 29 February has the birthday on the 28th in other years.
birthdays as (

    select
        customers.customer_id,
        cast({{ dbt.dateadd(
            'year', 'years.year - cast(extract(year from customers.birth_date) as integer)',
            'customers.birth_date'
        ) }} as date) as birthday

    from {{ ref('stg_customers') }} as customers
    cross join (
        select distinct cast(extract(year from date_day) as integer) as year
        from {{ ref('int_days_spined') }}

        union distinct

        select cast(extract(year from as_of) as integer) + years_later.years_later as year
        from as_of
        cross join (
            select 0 as years_later

            union all

            select 1 as years_later
        ) as years_later
    ) as years
    where
        customers.birth_date is not null
        and exists (
            select 1
            from plays
            where plays.trigger = 'birthday'
        )

),

-- Nobody is greeted on a birthday before the day on which the shop got to know the customer.
birthdays_of_known_customers as (

    select
        birthdays.customer_id,
        birthdays.birthday

    from birthdays
    left join {{ ref('int_customers_assessed') }} as customers
        on birthdays.customer_id = customers.customer_id
    left join first_purchase_days
        on birthdays.customer_id = first_purchase_days.customer_id
    where
        birthdays.birthday > least(customers.signed_up_on, first_purchase_days.first_day)
        and coalesce(customers.not_counted_reason, '') <> 'merged into another account'

),

events as (

    select
        'cart_abandoned' as trigger,
        customer_id,
        created_on as happened_on,
        bought_on as over_on
    from carts

    union all

    select
        'complaint' as trigger,
        customer_id,
        given_on as happened_on,
        cast(null as date) as over_on
    from {{ ref('int_feedback_assessed') }}
    where is_counted and kind = 'complaint'

    union all

    select
        'referral_bought' as trigger,
        referrals.referrer_id as customer_id,
        -- the account that names the referrer may be made after the order
        greatest(first_purchase_days.first_day, referrals.signed_up_on) as happened_on,
        cast(null as date) as over_on
    from {{ ref('int_referrals_assessed') }} as referrals
    inner join first_purchase_days
        on referrals.customer_id = first_purchase_days.customer_id
    where referrals.is_counted

    union all

    select
        'tier_reached' as trigger,
        tiers.customer_id,
        months.month as happened_on,
        cast(null as date) as over_on
    from {{ ref('int_customers_assigned_to_tiers') }} as tiers
    inner join {{ ref('int_months_spined') }} as months
        on tiers.first_month_number = months.month_number
    where tiers.tier_rank > tiers.previous_tier_rank

    union all

    select
        'birthday' as trigger,
        customer_id,
        birthday as happened_on,
        cast(null as date) as over_on
    from birthdays_of_known_customers

),

triggers as (

    select
        plays.play_id,
        events.customer_id,
        cast({{ dbt.dateadd(
            'day',
            "case when plays.trigger = 'birthday' then -plays.days else plays.days end",
            'events.happened_on'
        ) }} as date) as triggered_on,
        plays.starts_on,
        events.over_on

    from events
    inner join plays
        on events.trigger = plays.trigger

)

select distinct
    triggers.play_id,
    triggers.customer_id,
    triggers.triggered_on

from triggers
cross join as_of
where
    triggers.triggered_on >= triggers.starts_on
    and triggers.triggered_on <= as_of.as_of
    and (triggers.over_on is null or triggers.over_on >= triggers.triggered_on)
