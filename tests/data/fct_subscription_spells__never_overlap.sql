with

spells as (

    select
        *,
        lead(started_on) over (partition by customer_id order by spell_number) as next_started_on
    from {{ ref('fct_subscription_spells') }}

)

select
    customer_id,
    spell_number,
    started_on,
    ended_on,
    next_started_on

from spells
where
    ended_on < started_on
    or (next_started_on is not null and (ended_on is null or next_started_on <= ended_on))
    or (ended_on is null) <> (end_reason is null)
    or (ended_on is null and is_voluntary is not null)
    or (
        ended_on is not null
        and is_voluntary is null
        and end_reason not in ('term completed', 'incomplete', '(unmapped)', 'merged')
    )
