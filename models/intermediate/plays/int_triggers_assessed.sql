with

plays as (

    select * from {{ ref('plays') }}

),

blocks as (

    select * from {{ ref('int_contact_blocks_dated') }}

),

triggers as (

    select
        play_id,
        customer_id,
        triggered_on,
        cast(null as date) as renewed_on
    from {{ ref('int_purchases_turned_to_triggers') }}

    union all

    select
        play_id,
        customer_id,
        triggered_on,
        cast(null as date) as renewed_on
    from {{ ref('int_reorders_turned_to_triggers') }}

    union all

    select
        play_id,
        customer_id,
        triggered_on,
        renewed_on
    from {{ ref('int_subscriptions_turned_to_triggers') }}

    union all

    select
        play_id,
        customer_id,
        triggered_on,
        cast(null as date) as renewed_on
    from {{ ref('int_events_turned_to_triggers') }}

),

-- Those who may be enrolled, as far as the play, the segment and the customer's wish to be left
-- alone say. A block that comes later makes the customer leave, and takes nothing back.
allowed as (

    select
        triggers.customer_id,
        plays.priority,
        triggers.triggered_on,
        triggers.renewed_on

    from triggers
    inner join plays
        on triggers.play_id = plays.play_id
    left join {{ ref('int_customers_segmented') }} as customers
        on
            triggers.customer_id = customers.customer_id
            and plays.segment_name is not null
    where
        (plays.ends_on is null or triggers.triggered_on < plays.ends_on)
        and (
            plays.segment_name is null
            {%- for segment in var('segments') %}
            or (
                plays.segment_name = '{{ segment }}'
                and customers.{{ segment }} = plays.segment_value
            )
            {%- endfor %}
        )
        and not exists (
            select 1
            from blocks
            where
                triggers.customer_id = blocks.customer_id
                and (plays.needs_consent or blocks.reason <> 'not_consented')
                and (blocks.blocked_from is null or blocks.blocked_from <= triggers.triggered_on)
                and (blocks.blocked_to is null or blocks.blocked_to > triggers.triggered_on)
        )
        and (
            not plays.needs_consent
            or triggers.customer_id in (
                select customers.customer_id from {{ ref('stg_customers') }} as customers
            )
        )

)

select
    row_number() over (order by customer_id, priority, triggered_on) as trigger_number,
    dense_rank() over (order by customer_id) as customer_number,
    customer_id,
    priority,
    triggered_on,
    renewed_on

from allowed
