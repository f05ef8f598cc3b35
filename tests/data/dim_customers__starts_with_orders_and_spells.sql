with

orders as (

    select
        customer_id,
        min(order_date) as first_order_date,
        max(order_date) as last_order_date
    from {{ ref('fct_orders') }}
    where customer_id is not null and subscription_id is null
    group by customer_id

),

spells as (

    -- a spell from before a merge may be told of the account of then
    select
        coalesce(merged_accounts.customer_id, spells.customer_id) as customer_id,
        min(spells.started_on) as first_paid_on
    from {{ ref('fct_subscription_spells') }} as spells
    left join {{ ref('int_accounts_merged') }} as merged_accounts
        on spells.customer_id = merged_accounts.account_id
    group by coalesce(merged_accounts.customer_id, spells.customer_id)

)

select
    customers.customer_id,
    customers.acquired_on,
    orders.first_order_date,
    spells.first_paid_on

from {{ ref('dim_customers') }} as customers
left join orders
    on customers.customer_id = orders.customer_id
left join spells
    on customers.customer_id = spells.customer_id
where
    customers.first_order_date is distinct from orders.first_order_date
    or customers.last_order_date is distinct from orders.last_order_date
    or customers.first_paid_on is distinct from spells.first_paid_on
    or customers.acquired_on
    is distinct from least(orders.first_order_date, spells.first_paid_on)
