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

of_running_plays as (

    select
        triggers.customer_id,
        plays.priority,
        plays.segment_name,
        plays.needs_consent,
        triggers.triggered_on,
        triggers.renewed_on

    from triggers
    inner join plays
        on triggers.play_id = plays.play_id
    where plays.ends_on is null or triggers.triggered_on < plays.ends_on

),

customers_in_segments as (

    select
        customers.customer_id,
        plays.priority

    from {{ ref('int_customers_segmented') }} as customers
    inner join plays
        on
            plays.segment_value = case
                {%- for segment in var('segments') %}
                when plays.segment_name = '{{ segment }}' then customers.{{ segment }}
                {%- endfor %}
                when plays.segment_name is null then null
            end

),

-- No consent is known of somebody of whom there is no record.
recorded_customers as (

    select customer_id
    from {{ ref('stg_customers') }}
    where exists (
        select 1
        from plays
        where plays.needs_consent
    )

),

blocked as (

    select distinct
        triggers.customer_id,
        triggers.priority,
        triggers.triggered_on

    from of_running_plays as triggers
    inner join blocks
        on triggers.customer_id = blocks.customer_id
    where
        (triggers.needs_consent or blocks.reason <> 'not_consented')
        and (blocks.blocked_from is null or blocks.blocked_from <= triggers.triggered_on)
        and (blocks.blocked_to is null or blocks.blocked_to > triggers.triggered_on)

),

-- A block that comes later makes the customer leave, and takes nothing back.
allowed as (

    select triggers.*

    from of_running_plays as triggers
    left join customers_in_segments
        on
            triggers.customer_id = customers_in_segments.customer_id
            and triggers.priority = customers_in_segments.priority
    left join recorded_customers
        on triggers.customer_id = recorded_customers.customer_id
    left join blocked
        on
            triggers.customer_id = blocked.customer_id
            and triggers.priority = blocked.priority
            and triggers.triggered_on = blocked.triggered_on
    where
        (triggers.segment_name is null or customers_in_segments.customer_id is not null)
        and (not triggers.needs_consent or recorded_customers.customer_id is not null)
        and blocked.customer_id is null

)

select
    row_number() over (order by customer_id, priority, triggered_on) as trigger_number,
    dense_rank() over (order by customer_id) as customer_number,
    customer_id,
    priority,
    triggered_on,
    renewed_on

from allowed
