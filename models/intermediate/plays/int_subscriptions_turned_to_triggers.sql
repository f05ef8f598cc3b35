{#- The night after an end is certain is the first that knows it. -#}
{%- set days_until_certain = days_until_an_end_is_certain() | int -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

plays as (

    select * from {{ ref('int_plays_started') }}
    where trigger in ('subscription_ended', 'renewal_due')

),

versions as (

    select * from {{ ref('int_subscription_versions_priced') }}

),

spells as (

    select
        *,
        lead(started_on) over (partition by customer_id order by started_on) as next_started_on

    from {{ ref('int_subscriptions_merged_to_spells') }}

),

states as (

    select
        customer_id,
        status,
        in_force_from,
        min(case when status <> 'paused' then in_force_from end) over (
            partition by customer_id, subscription_id, item_id
            order by in_force_from
            rows between 1 following and unbounded following
        ) as other_state_from,
        last_value(in_force_to) over (
            partition by customer_id, subscription_id, item_id
            order by in_force_from
            rows between unbounded preceding and unbounded following
        ) as item_ends_at

    from versions
    where not_counted_reason is null and coalesce(in_force_from < in_force_to, true)

),

-- A pause is no end. If nobody pays after it, the end of the pause is the end.
pauses as (

    select
        customer_id,
        {{ local_date('in_force_from') }} as paused_from,
        {{ local_date('least(other_state_from, item_ends_at)') }} as paused_to

    from states
    where status = 'paused'

),

ends as (

    select
        spells.customer_id,
        spells.ended_on,
        spells.next_started_on,
        max(
            case when pauses.customer_id is not null and pauses.paused_to is null then 1 else 0 end
        ) = 1 as is_paused,
        greatest(spells.ended_on, max(pauses.paused_to)) as over_from

    from spells
    left join pauses
        on
            spells.customer_id = pauses.customer_id
            and spells.ended_on >= pauses.paused_from
            and spells.ended_on < coalesce(pauses.paused_to, date '9999-12-31')
    where spells.ended_on is not null
    group by spells.customer_id, spells.ended_on, spells.next_started_on

),

-- A version that says when service ends, from the night after it was told. One told less than so
-- many days before the end makes its customer due at once. A contract that runs on renews itself at
-- the end of its period. Of these only those of three months or more: who pays each month
-- would be due each month.
ends_to_come as (

    select
        customer_id,
        {{ local_date('coalesce(ends_at, period_ends_at)') }} as ends_on,
        {{ local_date('in_force_to') }} as in_force_until,
        cast({{ dbt.dateadd('day', 1, local_date(
            'greatest(in_force_from, valid_from, coalesce(set_to_end_at, valid_from))'
        )) }} as date) as known_on

    from versions
    where
        is_paying
        and (
            ends_at is not null
            or (
                period_ends_at > pays_from
                and interval_count >= case interval_unit
                    when 'year' then 1
                    when 'month' then 3
                    when 'week' then 13
                    else 90
                end
            )
        )

),

triggers as (

    select
        plays.play_id,
        ends.customer_id,
        cast({{ dbt.dateadd(
            'day', 'greatest(plays.days, ' ~ days_until_certain ~ ')', 'ends.over_from'
        ) }} as date) as triggered_on,
        ends.next_started_on as over_on,
        cast(null as date) as renewed_on,
        plays.starts_on

    from ends
    inner join plays
        on plays.trigger = 'subscription_ended'
    where not ends.is_paused

    union all

    select
        plays.play_id,
        ends_to_come.customer_id,
        greatest(
            cast({{ dbt.dateadd('day', '-plays.days', 'ends_to_come.ends_on') }} as date),
            ends_to_come.known_on
        ) as triggered_on,
        least(
            cast({{ dbt.dateadd('day', -1, 'ends_to_come.ends_on') }} as date),
            ends_to_come.in_force_until
        ) as over_on,
        -- the day on which a payment shows that the end was none
        cast({{ dbt.dateadd(
            'day', days_until_certain - 1, 'ends_to_come.ends_on'
        ) }} as date) as renewed_on,
        plays.starts_on

    from ends_to_come
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
    and triggers.customer_id not in (
        select customer_id from {{ ref('int_customers_until_a_merge') }}
    )
group by triggers.play_id, triggers.customer_id, triggers.triggered_on
