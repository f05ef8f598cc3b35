with

counted as (

    select distinct customer_id
    from {{ ref('int_subscription_versions_assessed') }}
    where not_counted_reason is null

),

reported as (

    select coalesce(merged_accounts.customer_id, spells.customer_id) as customer_id
    from {{ ref('fct_subscription_spells') }} as spells
    left join {{ ref('int_accounts_merged') }} as merged_accounts
        on spells.customer_id = merged_accounts.account_id

    union distinct

    select customer_id from {{ ref('int_subscription_versions_priced') }}
    where
        is_trial
        and customer_id not in (select customer_id from {{ ref('int_customers_until_a_merge') }})

)

select
    counted.customer_id as counted_customer_id,
    reported.customer_id as reported_customer_id

from counted
full outer join reported
    on counted.customer_id = reported.customer_id
where counted.customer_id is null or reported.customer_id is null
