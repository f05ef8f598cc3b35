{{ config(enabled=var('merges_apply') == 'from_the_merge_on') }}
with

accounts as (

    select * from {{ ref('int_accounts_dated') }}
    where applies_until is not null

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

raw_orders as (

    select * from {{ ref('stg_orders') }}

),

orders as (

    select * from {{ ref('int_orders_assessed') }}
    where is_counted

),

raw_refunds as (

    select * from {{ ref('stg_refunds') }}

),

refunds as (

    select * from {{ ref('int_refunds_assessed') }}
    where is_counted and order_id is null

),

customers as (

    select * from {{ ref('stg_customers') }}
    where not is_deleted

),

-- A sign-up, a renewal and a refund without an order are no purchase, and make an account known.
days as (

    select
        accounts.dated_customer_id as customer_id,
        orders.order_date as activity_date,
        case when orders.subscription_id is null then 1 else 0 end as purchases
    from orders
    inner join raw_orders
        on orders.order_id = raw_orders.order_id
    inner join accounts
        on raw_orders.customer_id = accounts.account_id

    union all

    select
        accounts.dated_customer_id as customer_id,
        refunds.refund_date as activity_date,
        0 as purchases
    from refunds
    inner join raw_refunds
        on refunds.refund_id = raw_refunds.refund_id
    inner join accounts
        on raw_refunds.customer_id = accounts.account_id

    union all

    select
        accounts.dated_customer_id as customer_id,
        {{ local_date('customers.signed_up_at') }} as activity_date,
        0 as purchases
    from customers
    cross join as_of
    inner join accounts
        on customers.customer_id = accounts.account_id
    where customers.signed_up_at < as_of.as_of_at

),

customer_days as (

    select
        customer_id,
        activity_date,
        max(purchases) as purchases

    from days
    group by customer_id, activity_date

)

select
    customer_id,
    purchases > 0 as is_purchase_day,
    case
        when purchases > 0
            then
                sum(purchases) over (
                    partition by customer_id
                    order by activity_date
                    rows between unbounded preceding and current row
                )
    end as purchase_number,
    activity_date,
    max(case when purchases > 0 then activity_date end) over (
        partition by customer_id
        order by activity_date
        rows between unbounded preceding and 1 preceding
    ) as previous_purchase_date,
    case
        when purchases > 0
            then cast({{ dbt.dateadd('day', var('order_lapse_days'), 'activity_date') }} as date)
    end as active_until

from customer_days
