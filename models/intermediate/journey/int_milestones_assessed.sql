with

milestones as (

    select * from {{ ref('stg_milestones') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

merged_accounts as (

    select * from {{ ref('int_accounts_merged') }}

),

customers as (

    select * from {{ ref('int_customers_segmented') }}

),

assessed as (

    select
        milestones.*,
        coalesce(merged_accounts.customer_id, milestones.customer_id) as owner_id,
        {{ local_date('milestones.reached_at') }} as reached_on,
        case
            when milestones.is_deleted then 'deleted'
            when milestones.reached_at >= as_of.as_of_at then 'after as_of'
            when customers.customer_id is null then 'unknown customer'
        end as not_counted_reason

    from milestones
    cross join as_of
    left join merged_accounts
        on milestones.customer_id = merged_accounts.account_id
    left join customers
        on coalesce(merged_accounts.customer_id, milestones.customer_id) = customers.customer_id

)

select
    customer_id as account_id,
    owner_id as customer_id,
    milestone,
    not_counted_reason,
    not_counted_reason is null as is_counted,
    reached_at,
    reached_on

from assessed
