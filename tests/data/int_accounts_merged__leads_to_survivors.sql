-- One step along each chain: an account belongs to the customer to whom the next account belongs.
-- Who is at the end of a chain was not merged. A refused account does not point at a survivor.
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

told as (

    select
        customers.customer_id as account_id,
        customers.merged_into_customer_id as next_account_id,
        coalesce(customers.merged_at < as_of.as_of_at, true) as has_happened

    from {{ ref('stg_customers') }} as customers
    cross join as_of
    where customers.merged_into_customer_id is not null

),

applied as (

    select * from {{ ref('int_accounts_merged') }}
    where not_applied_reason is null

),

with_next as (

    select
        told.account_id,
        told.next_account_id,
        told.has_happened,
        applied.customer_id,
        next_told.has_happened as is_next_merged,
        next_applied.customer_id as next_customer_id,
        survivors.account_id as merged_survivor

    from told
    left join applied
        on told.account_id = applied.account_id
    left join told as next_told
        on told.next_account_id = next_told.account_id
    left join applied as next_applied
        on told.next_account_id = next_applied.account_id
    left join applied as survivors
        on applied.customer_id = survivors.account_id

)

select *
from with_next
where
    merged_survivor is not null
    or (customer_id is not null and not has_happened)
    or (
        customer_id is not null
        and customer_id <> coalesce(next_customer_id, next_account_id)
    )
    -- refused, though the next account is a survivor or has one
    or (
        customer_id is null
        and has_happened
        and account_id <> next_account_id
        and (next_customer_id is not null or not coalesce(is_next_merged, false))
    )
