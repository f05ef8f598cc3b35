{#- An end is certain once no payment can bridge it any more: the night after that knows it. -#}
{%- set days_until_certain =
    [var('reactivation_gap_days') | int, 1 + (var('switch_gap_hours') | int + 23) // 24] | max -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

plays as (

    select * from {{ ref('plays') }}
    where trigger in ('subscription_ended', 'renewal_due')

),

spells as (

    select
        *,
        lead(started_on) over (partition by customer_id order by started_on) as next_started_on

    from {{ ref('int_subscriptions_merged_to_spells') }}

),

-- A version that says when service ends, from the night after it was told. One told less than so
-- many days before the end makes its customer due at once.
announced_ends as (

    select
        customer_id,
        {{ local_date('ends_at') }} as ends_on,
        {{ local_date('in_force_to') }} as in_force_until,
        cast({{ dbt.dateadd('day', 1, local_date(
            'greatest(in_force_from, valid_from, coalesce(set_to_end_at, valid_from))'
        )) }} as date) as known_on

    from {{ ref('int_subscription_versions_priced') }}
    where is_paying and ends_at is not null

),

triggers as (

    select
        plays.play_id,
        spells.customer_id,
        cast({{ dbt.dateadd(
            'day', 'greatest(plays.days, ' ~ days_until_certain ~ ')', 'spells.ended_on'
        ) }} as date) as triggered_on,
        spells.next_started_on as over_on,
        cast(null as date) as renewed_on,
        plays.starts_on

    from spells
    inner join plays
        on plays.trigger = 'subscription_ended'
    where spells.ended_on is not null

    union all

    select
        plays.play_id,
        announced_ends.customer_id,
        greatest(
            cast({{ dbt.dateadd('day', '-plays.days', 'announced_ends.ends_on') }} as date),
            announced_ends.known_on
        ) as triggered_on,
        least(
            cast({{ dbt.dateadd('day', -1, 'announced_ends.ends_on') }} as date),
            announced_ends.in_force_until
        ) as over_on,
        -- the day on which a payment shows that the end was none
        cast({{ dbt.dateadd(
            'day', days_until_certain - 1, 'announced_ends.ends_on'
        ) }} as date) as renewed_on,
        plays.starts_on

    from announced_ends
    inner join plays
        on plays.trigger = 'renewal_due'

)

select
    triggers.play_id,
    triggers.customer_id,
    triggers.triggered_on,
    max(triggers.renewed_on) as renewed_on

from triggers
cross join as_of
where
    triggers.triggered_on >= triggers.starts_on
    and triggers.triggered_on <= as_of.as_of
    and (triggers.over_on is null or triggers.over_on >= triggers.triggered_on)
group by triggers.play_id, triggers.customer_id, triggers.triggered_on
