{{ config(enabled=var('merges_apply') == 'from_the_merge_on') }}
{#- As in int_accounts_merged: 6 steps of doubling are enough for chains of 64 links. -#}
{%- set steps = 6 -%}
with

account_merges as (

    select
        merged_accounts.account_id,
        customers.merged_into_customer_id as next_account_id,
        merged_accounts.customer_id,
        {{ local_date('merged_accounts.merged_at') }} as merged_on

    from {{ ref('int_accounts_merged') }} as merged_accounts
    inner join {{ ref('stg_customers') }} as customers
        on merged_accounts.account_id = customers.customer_id
    where merged_accounts.not_applied_reason is null

),

accounts as (

    select
        account_id,
        customer_id
    from account_merges

    union distinct

    select
        customer_id as account_id,
        customer_id
    from account_merges

),

-- A merge without a time has always been, so it ends nothing.
merge_days as (

    select
        customer_id,
        merged_on,
        lag(merged_on) over (partition by customer_id order by merged_on) as merged_before_on

    from account_merges
    where merged_on is not null
    group by customer_id, merged_on

),

pointers_0 as (

    select
        accounts.account_id,
        accounts.customer_id,
        merge_days.merged_before_on as applies_from,
        merge_days.merged_on as applies_until,
        case
            when coalesce(account_merges.merged_on < merge_days.merged_on, true)
                then coalesce(account_merges.next_account_id, accounts.account_id)
            else accounts.account_id
        end as pointer

    from accounts
    inner join merge_days
        on accounts.customer_id = merge_days.customer_id
    left join account_merges
        on accounts.account_id = account_merges.account_id

),
{%- for step in range(1, steps + 1) %}

pointers_{{ step }} as (

    select
        near.account_id,
        near.customer_id,
        near.applies_from,
        near.applies_until,
        far.pointer

    from pointers_{{ step - 1 }} as near
    inner join pointers_{{ step - 1 }} as far
        on
            near.pointer = far.account_id
            and near.applies_until = far.applies_until

),
{%- endfor %}

last_merge_days as (

    select
        customer_id,
        max(merged_on) as merged_on

    from merge_days
    group by customer_id

)

select
    account_id,
    pointer || ' until ' || cast(applies_until as {{ dbt.type_string() }}) as dated_customer_id,
    pointer as customer_then_id,
    customer_id,
    applies_from,
    applies_until

from pointers_{{ steps }}

union all

select
    accounts.account_id,
    accounts.customer_id as dated_customer_id,
    accounts.customer_id as customer_then_id,
    accounts.customer_id,
    last_merge_days.merged_on as applies_from,
    cast(null as date) as applies_until

from accounts
inner join last_merge_days
    on accounts.customer_id = last_merge_days.customer_id
