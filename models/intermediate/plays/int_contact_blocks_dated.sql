with

-- What a record said of its customer, until the next one said otherwise. Versions that nothing
-- dates are no history: only the one in force is known, and it holds from the beginning.
versions as (

    select
        customer_id,
        coalesce(marketing_consent, false) as has_consented,
        coalesce(not marketing_consent, false) as has_refused,
        is_deleted,
        unsubscribed_at,
        case when row_number() over a_customer > 1 then updated_at end as valid_from,
        lead(updated_at) over a_customer as valid_to

    from {{ ref('stg_customer_records') }}
    where
        outcome = 'accepted'
        or (superseded_reason = 'a later version of the same key' and updated_at is not null)
    window a_customer as (
        partition by customer_id
        order by updated_at nulls first, case when outcome = 'accepted' then 1 else 0 end
    )

),

blocks as (

    select
        customer_id,
        'deleted' as reason,
        valid_from as blocked_from,
        valid_to as blocked_to
    from versions
    where is_deleted

    union all

    select
        customer_id,
        'opted_out' as reason,
        valid_from as blocked_from,
        valid_to as blocked_to
    from versions
    where has_refused

    union all

    select
        customer_id,
        'opted_out' as reason,
        unsubscribed_at as blocked_from,
        valid_to as blocked_to
    from versions
    where unsubscribed_at is not null and coalesce(unsubscribed_at < valid_to, true)

    union all

    select
        customer_id,
        'not_consented' as reason,
        valid_from as blocked_from,
        valid_to as blocked_to
    from versions
    where
        not has_consented
        and exists (
            select 1
            from {{ ref('plays') }} as plays
            where plays.needs_consent
        )

)

-- What an account refused before it was merged, its customer has refused. All else that the account
-- said ended with the merge.
select distinct
    coalesce(merged_accounts.customer_id, blocks.customer_id) as customer_id,
    blocks.reason,
    -- the first morning whose night knows of it
    cast({{ dbt.dateadd('day', 1, local_date('blocks.blocked_from')) }} as date) as blocked_from,
    cast({{ dbt.dateadd('day', 1, local_date('blocks.blocked_to')) }} as date) as blocked_to

from blocks
left join {{ ref('int_accounts_merged') }} as merged_accounts
    on blocks.customer_id = merged_accounts.account_id
where merged_accounts.links is null or blocks.reason = 'opted_out'
