{#- A cart can be won back within so many days. -#}
{%- set recovery_days = 7 -%}
with

carts as (

    select * from {{ ref('stg_carts') }}

),

orders as (

    select * from {{ ref('int_orders_assessed') }}

),

merged_accounts as (

    select * from {{ ref('int_accounts_merged') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

owned_carts as (

    select
        carts.*,
        coalesce(merged_accounts.customer_id, carts.customer_id) as owner_id

    from carts
    left join merged_accounts
        on carts.customer_id = merged_accounts.account_id

),

-- A cart that names no order takes the customer's next one. A renewal is no purchase.
next_orders as (

    select
        carts.cart_id,
        min(orders.ordered_at) as ordered_at

    from owned_carts as carts
    inner join orders
        on
            carts.owner_id = orders.customer_id
            and carts.created_at <= orders.ordered_at
            and {{ dbt.dateadd('day', recovery_days, 'carts.created_at') }} >= orders.ordered_at
    where carts.order_id is null and orders.is_counted and orders.subscription_id is null
    group by carts.cart_id

),

-- A cancelled order buys nothing. An order that no file holds may have been paid at any time.
assessed as (

    select
        carts.*,
        {{ local_date('carts.created_at') }} as created_on,
        case
            when own_orders.is_counted then own_orders.ordered_at
            else next_orders.ordered_at
        end as bought_at,
        {{ dbt.dateadd('hour', var('cart_hours'), 'carts.created_at') }} as abandoned_from,
        {{ dbt.dateadd('day', recovery_days, 'carts.created_at') }} as recovered_until,
        as_of.as_of_at,
        case
            when carts.is_deleted then 'deleted'
            when carts.created_at >= as_of.as_of_at then 'after as_of'
            when carts.order_id is not null and own_orders.order_id is null then 'order is unknown'
        end as not_counted_reason

    from owned_carts as carts
    cross join as_of
    left join orders as own_orders
        on carts.order_id = own_orders.order_id
    left join next_orders
        on carts.cart_id = next_orders.cart_id

),

-- A cart that is too young to be abandoned is undecided, even if it was bought already: else the
-- latest carts would all be bought ones.
decided as (

    select
        *,
        case
            when abandoned_from > as_of_at then 'undecided'
            when bought_at <= abandoned_from then 'bought'
            else 'abandoned'
        end as cart_state

    from assessed

)

select
    cart_id,
    owner_id as customer_id,
    order_id,
    not_counted_reason,
    cart_state,
    original_amount,
    amount,
    not_counted_reason is null as is_counted,
    cart_state = 'abandoned' and coalesce(bought_at <= recovered_until, false) as is_recovered,
    cart_state = 'abandoned' and recovered_until <= as_of_at as is_recovery_over,
    created_at,
    bought_at,
    case when cart_state = 'abandoned' then abandoned_from end as abandoned_at,
    created_on

from decided
