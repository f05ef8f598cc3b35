with

spells as (

    select
        customer_id,
        ended_at,
        lead(started_at) over (partition by customer_id order by spell_number) as next_started_at
    from {{ ref('int_subscriptions_merged_to_spells') }}

),

ends as (

    select
        priced.customer_id,
        priced.pays_to as ended_at

    from {{ ref('int_subscription_versions_priced') }} as priced
    inner join {{ ref('int_subscription_versions_bounded') }} as bounded
        on
            priced.subscription_id = bounded.subscription_id
            and priced.item_id = bounded.item_id
            and priced.valid_from = bounded.valid_from
            and priced.in_force_to = bounded.in_force_to
    where priced.is_paying and bounded.is_ended

)

select distinct
    spells.customer_id,
    spells.ended_at,
    spells.next_started_at

from spells
inner join ends
    on
        spells.customer_id = ends.customer_id
        and spells.ended_at = ends.ended_at
where
    spells.next_started_at
    <= {{ dbt.dateadd('hour', var('switch_gap_hours'), 'spells.ended_at') }}
