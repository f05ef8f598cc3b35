with

as_of as (

    select * from {{ ref('int_as_of') }}

),

versions as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where is_paying

),

ends as (

    select * from {{ ref('int_subscription_ends_explained') }}

),

-- A version that ends at as_of or later is still running. It has no pays_to, and is paid until
-- as_of here. Every end comes before as_of, so a running version outlasts all of them.
paying as (

    select
        versions.subscription_id,
        versions.item_id,
        versions.customer_id,
        versions.billing_interval,
        versions.interval_unit,
        versions.interval_count,
        versions.mrr,
        versions.pays_from,
        case when versions.pays_to < as_of.as_of_at then versions.pays_to end as pays_to,
        {{ local_date('versions.pays_from') }} as pays_from_date,
        case
            when versions.pays_to < as_of.as_of_at then {{ local_date('versions.pays_to') }}
            else as_of.as_of
        end as paid_until_date,
        as_of.as_of

    from versions
    cross join as_of

),

with_days_without_payment as (

    select
        *,
        {{ dbt.datediff(
            'max(paid_until_date) over ('
            ~ 'partition by customer_id order by pays_from, subscription_id, item_id, paid_until_date'
            ~ ' rows between unbounded preceding and 1 preceding)',
            'pays_from_date', 'day'
        ) }} as days_without_payment

    from paying

),

numbered as (

    select
        *,
        cast(
            sum(
                case
                    when days_without_payment <= {{ var('reactivation_gap_days') }} then 0
                    else 1
                end
            ) over (
                partition by customer_id
                order by pays_from, subscription_id, item_id, paid_until_date
                rows between unbounded preceding and current row
            ) as bigint
        ) as spell_number

    from with_days_without_payment

),

with_spell_bounds as (

    select
        *,
        min(pays_from) over a_spell as spell_from,
        row_number() over (
            partition by customer_id, spell_number
            order by pays_from asc, subscription_id asc, mrr desc, item_id asc
        ) as number_in_spell,
        case
            when max(paid_until_date) over a_spell < as_of
                then max(pays_to) over a_spell
        end as spell_to

    from numbered
    window a_spell as (partition by customer_id, spell_number)

),

spells as (

    select
        customer_id,
        spell_number,
        min(spell_from) as started_at,
        max(spell_to) as ended_at,
        max(case when number_in_spell = 1 then billing_interval end) as billing_interval,
        max(case when number_in_spell = 1 then interval_unit end) as interval_unit,
        max(case when number_in_spell = 1 then interval_count end) as interval_count,
        min(pays_from_date) as started_on,
        case when max(spell_to) is not null then max(paid_until_date) end as last_paid_date,
        sum(case when pays_from = spell_from then mrr else 0 end) as start_mrr,
        sum(case when pays_to is not distinct from spell_to then mrr else 0 end) as end_mrr

    from with_spell_bounds
    group by customer_id, spell_number

),

-- A gap at the end of the data that is shorter than reactivation_gap_days may still be bridged: the
-- spell counts as running, and nothing is paid in the gap.
closed as (

    select
        spells.*,
        case
            when
                {{ dbt.datediff('spells.last_paid_date', 'as_of.as_of', 'day') }}
                >= {{ var('reactivation_gap_days') }}
                then spells.last_paid_date
        end as ended_on

    from spells
    cross join as_of

)

select
    closed.customer_id,
    closed.billing_interval,
    closed.interval_unit,
    case when closed.ended_on is not null then ends.end_reason end as end_reason,
    closed.spell_number,
    closed.interval_count,
    cast(closed.start_mrr as decimal(18, 2)) as start_mrr,
    cast(
        case
            when closed.ended_on is null and closed.ended_at is not null then 0
            else closed.end_mrr
        end as decimal(18, 2)
    ) as end_mrr,
    case when closed.ended_on is not null then ends.is_voluntary end as is_voluntary,
    closed.started_at,
    closed.started_on,
    case when closed.ended_on is not null then closed.ended_at end as ended_at,
    closed.ended_on

from closed
left join ends
    on
        closed.customer_id = ends.customer_id
        and closed.ended_at = ends.ended_at
