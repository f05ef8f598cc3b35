with

items as (

    select
        subscription_id,
        item_id,
        min(pays_from) as first_paid_at
    from {{ ref('int_subscription_versions_priced') }}
    where is_paying
    group by subscription_id, item_id

)

select
    versions.subscription_id,
    versions.item_id,
    versions.valid_from,
    versions.is_paying,
    versions.is_trial,
    items.first_paid_at

from {{ ref('int_subscription_versions_priced') }} as versions
inner join items
    on
        versions.subscription_id = items.subscription_id
        and versions.item_id = items.item_id
        and versions.in_force_from > items.first_paid_at
-- The second stretch of a version, after its discount, may begin after as_of.
cross join {{ ref('int_as_of') }} as as_of
where
    versions.not_counted_reason is null
    and versions.in_force_from < as_of.as_of_at
    and coalesce(versions.in_force_from < versions.in_force_to, true)
    and versions.mrr > 0
    and versions.status not in ('paused', 'unpaid', 'incomplete', 'past_due')
    and (
        not versions.is_paying
        or versions.is_trial
        or versions.pays_from <> versions.in_force_from
    )
