{%- set attributes = ['referred_by', 'country', 'acquisition_channel']
    + pass_through_columns('customers') | map(attribute='name') | list -%}
with

customers as (

    select * from {{ ref('stg_customers') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

merged_accounts as (

    select * from {{ ref('int_accounts_merged') }}
    where not_applied_reason is null

),

-- Whose account each one is now. A referral between accounts of one customer is none. A referral of
-- an account by itself stays: it is a fault, and is reported where referrals are assessed.
accounts as (

    select
        customers.*,
        merged_accounts.links,
        merged_accounts.applies_from,
        merged_accounts.account_id is not null as is_merged,
        coalesce(merged_accounts.customer_id, customers.customer_id) as owner_id,
        case
            when customers.referred_by_customer_id = customers.customer_id
                then coalesce(merged_accounts.customer_id, customers.customer_id)
            else
                nullif(
                    coalesce(referrers.customer_id, customers.referred_by_customer_id),
                    coalesce(merged_accounts.customer_id, customers.customer_id)
                )
        end as referred_by

    from customers
    left join merged_accounts
        on customers.customer_id = merged_accounts.account_id
    left join merged_accounts as referrers
        on customers.referred_by_customer_id = referrers.account_id

),

owners_of_several as (

    select distinct customer_id from merged_accounts

),

-- The account of the customer's own id speaks first, then the others in the order of their merged_accounts.
-- A merged account that was deleted has nothing to say.
in_line as (

    select
        accounts.*,
        row_number() over (
            partition by accounts.owner_id
            order by
                coalesce(accounts.links, 0) > 0,
                case when accounts.applies_from is null then 0 else 1 end,
                accounts.applies_from,
                accounts.links,
                accounts.merged_at,
                accounts.customer_id
        ) as account_number

    from accounts
    inner join owners_of_several
        on accounts.owner_id = owners_of_several.customer_id
    where not (accounts.is_merged and accounts.is_deleted)

),

-- An attribute that the first account does not have comes from the next one that has it.
spoken_for as (

    select
        customer_id as account_id,
        owner_id,
        account_number,
        {%- for attribute in attributes %}
        first_value({{ attribute }}) over (
            partition by owner_id
            order by case when {{ attribute }} is null then 1 else 0 end, account_number
        ) as {{ attribute }},
        {%- endfor %}
        min(signed_up_at) over (partition by owner_id) as signed_up_at,
        min(loyalty_joined_at) over (partition by owner_id) as loyalty_joined_at

    from in_line

),

-- The first account in line stands for the customer, so it gets the customer's id. All others keep
-- their records, which are not counted.
combined as (

    select
        coalesce(spoken_for.owner_id, accounts.customer_id) as customer_id,
        accounts.customer_id as account_id,
        accounts.is_deleted,
        accounts.is_merged and spoken_for.owner_id is null as is_of_another_account,
        {%- for attribute in attributes %}
        coalesce(spoken_for.{{ attribute }}, accounts.{{ attribute }}) as {{ attribute }},
        {%- endfor %}
        coalesce(spoken_for.signed_up_at, accounts.signed_up_at) as signed_up_at,
        coalesce(spoken_for.loyalty_joined_at, accounts.loyalty_joined_at) as loyalty_joined_at

    from accounts
    left join spoken_for
        on
            accounts.customer_id = spoken_for.account_id
            and spoken_for.account_number = 1

),

assessed as (

    select
        combined.*,
        {{ local_date('combined.signed_up_at') }} as signed_up_on,
        -- a day to come is no event yet
        case
            when combined.loyalty_joined_at < as_of.as_of_at
                then {{ local_date('combined.loyalty_joined_at') }}
        end as loyalty_joined_on,
        case
            when combined.is_deleted then 'deleted'
            when combined.is_of_another_account then 'merged into another account'
            when combined.signed_up_at >= as_of.as_of_at then 'after as_of'
        end as not_counted_reason

    from combined
    cross join as_of

)

select
    customer_id,
    account_id,
    referred_by as referred_by_customer_id,
    country,
    acquisition_channel,
    not_counted_reason,
    not_counted_reason is null as is_counted,
    signed_up_on,
    loyalty_joined_on{{ pass_through('customers') }}

from assessed
