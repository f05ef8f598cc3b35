{{ config(enabled=var('merges_apply') == 'from_the_merge_on') }}
with

dated_customers as (

    select * from {{ ref('int_customers_traced') }}
    where is_same

),

spells as (

    select * from {{ ref('int_subscriptions_merged_to_spells') }}

),

versions as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where is_paying

),

-- The part of each spell in which its dated customer was one. What happens on the day of a merge happens
-- to the one customer.
parts as (

    select
        coalesce(dated_customers.customer_then_id, spells.customer_id) as customer_then_id,
        spells.customer_id,
        spells.spell_number,
        spells.end_reason,
        spells.start_mrr,
        spells.end_mrr,
        spells.is_voluntary,
        coalesce(spells.started_on < dated_customers.applies_from, false) as is_carried_over,
        coalesce(
            dated_customers.applies_until is not null
            and coalesce(spells.ended_on >= dated_customers.applies_until, true),
            false
        ) as is_cut,
        greatest(
            spells.started_on, coalesce(dated_customers.applies_from, spells.started_on)
        ) as started_on,
        case
            when coalesce(spells.ended_on < dated_customers.applies_until, true)
                then spells.ended_on
        end as ended_on,
        dated_customers.applies_from,
        dated_customers.applies_until

    from spells
    left join dated_customers
        on spells.customer_id = dated_customers.dated_customer_id
    where
        coalesce(spells.started_on < dated_customers.applies_until, true)
        and coalesce(spells.ended_on >= dated_customers.applies_from, true)

),

-- What was paid just before a merge, in the parts that it cut or carried over.
paid_at_merges as (

    select
        parts.customer_id,
        parts.spell_number,
        sum(
            case
                when
                    versions.pays_from < {{ local_midnight('parts.applies_from') }}
                    and coalesce(
                        versions.pays_to >= {{ local_midnight('parts.applies_from') }}, true
                    )
                    then versions.mrr
                else 0
            end
        ) as mrr_from,
        sum(
            case
                when
                    versions.pays_from < {{ local_midnight('parts.applies_until') }}
                    and coalesce(
                        versions.pays_to >= {{ local_midnight('parts.applies_until') }}, true
                    )
                    then versions.mrr
                else 0
            end
        ) as mrr_until

    from parts
    inner join versions
        on parts.customer_id = versions.customer_id
    where parts.is_carried_over or parts.is_cut
    group by parts.customer_id, parts.spell_number

),

-- A part that goes on after the merge belongs to the same spell.
numbered as (

    select
        *,
        sum(begins_spell) over (
            partition by customer_then_id
            order by started_on, spell_number
            rows between unbounded preceding and current row
        ) as number_then

    from (
        select
            *,
            case when is_carried_over and lag(is_cut) over a_customer then 0 else 1 end
                as begins_spell

        from parts
        window a_customer as (
            partition by customer_then_id order by started_on, spell_number
        )
    ) as parts_in_sequence

),

in_sequence as (

    select
        numbered.*,
        paid_at_merges.mrr_from,
        paid_at_merges.mrr_until,
        row_number() over (
            partition by numbered.customer_then_id, numbered.number_then
            order by numbered.started_on desc, numbered.spell_number desc
        ) as last_first

    from numbered
    left join paid_at_merges
        on
            numbered.customer_id = paid_at_merges.customer_id
            and numbered.spell_number = paid_at_merges.spell_number

)

select
    customer_then_id as customer_id,
    max(
        case
            when last_first = 1 and is_cut then 'merged'
            when last_first = 1 then end_reason
        end
    ) as end_reason,
    cast(number_then as bigint) as spell_number,
    cast(
        max(
            case
                when begins_spell = 1 and is_carried_over then mrr_from
                when begins_spell = 1 then start_mrr
            end
        ) as decimal(18, 2)
    ) as start_mrr,
    cast(
        max(
            case
                when last_first = 1 and is_cut then mrr_until
                when last_first = 1 then end_mrr
            end
        ) as decimal(18, 2)
    ) as end_mrr,
    max(case when last_first = 1 and not is_cut then cast(is_voluntary as int) end) = 1
        as is_voluntary,
    min(started_on) as started_on,
    max(
        case
            when last_first = 1 and is_cut then applies_until
            when last_first = 1 then ended_on
        end
    ) as ended_on

from in_sequence
group by customer_then_id, number_then
