with

as_of as (

    select * from {{ ref('int_as_of') }}

),

versions as (

    select
        *,
        status in ('paused', 'unpaid', 'incomplete', 'past_due') as is_stopped,
        case when set_to_end_at is not null then greatest(pays_from, set_to_end_at) end
            as announced_at

    from {{ ref('int_subscription_versions_priced') }}
    where not_counted_reason is null and coalesce(in_force_from < in_force_to, true)

),

spells as (

    select
        spells.customer_id,
        spells.spell_number,
        spells.end_reason,
        spells.started_on,
        spells.ended_on,
        cast({{ dbt.dateadd('day', var('new_customer_days'), 'spells.started_on') }} as date)
            as returned_until,
        cast({{ dbt.dateadd('day', var('lost_days'), 'spells.ended_on') }} as date) as lost_on,
        coalesce(
            lead(spells.started_on) over (
                partition by spells.customer_id order by spells.spell_number
            ),
            as_of.as_of
        ) as without_until

    from {{ ref('int_subscriptions_merged_to_spells') }} as spells
    cross join as_of

),

first_payments as (

    select
        subscription_id,
        item_id,
        min(pays_from) as paid_from

    from versions
    where is_paying
    group by subscription_id, item_id

),

-- A midnight belongs to the day that it ends, so a state of some hours is none. An open end is NULL.
item_states as (

    select
        customer_id,
        case when status = 'past_due' then 'past_due' else 'paying' end as state,
        {{ local_date('pays_from') }} as began_on,
        {{ local_date('least(pays_to, announced_at)') }} as ended_on
    from versions
    where is_paying

    union all

    select
        customer_id,
        'set_to_end' as state,
        {{ local_date('announced_at') }} as began_on,
        {{ local_date('pays_to') }} as ended_on
    from versions
    where is_paying and coalesce(announced_at < pays_to, announced_at is not null)

    union all

    select
        customer_id,
        'trial' as state,
        {{ local_date('in_force_from') }} as began_on,
        {{ local_date('least(trial_ends_at, in_force_to)') }} as ended_on
    from versions
    where is_trial

    union all

    select
        versions.customer_id,
        'paused' as state,
        {{ local_date('versions.in_force_from') }} as began_on,
        {{ local_date('versions.in_force_to') }} as ended_on
    from versions
    inner join first_payments
        on
            versions.subscription_id = first_payments.subscription_id
            and versions.item_id = first_payments.item_id
            and versions.in_force_from >= first_payments.paid_from
    where versions.is_stopped and not versions.is_paying

)

select * from item_states

union all

select
    customer_id,
    'known' as state,
    {{ local_date('min(in_force_from)') }} as began_on,
    cast(null as date) as ended_on
from versions
group by customer_id

union all

select
    customer_id,
    'in_spell' as state,
    started_on as began_on,
    ended_on
from spells

union all

select
    customer_id,
    'returned' as state,
    started_on as began_on,
    least(returned_until, ended_on) as ended_on
from spells
where spell_number > 1

union all

select
    customer_id,
    'churned' as state,
    ended_on as began_on,
    least(lost_on, without_until) as ended_on
from spells
where ended_on is not null

union all

select
    customer_id,
    'lost' as state,
    lost_on as began_on,
    without_until as ended_on
from spells
where lost_on < without_until
