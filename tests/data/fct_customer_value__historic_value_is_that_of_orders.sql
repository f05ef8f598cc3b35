with

orders as (

    select
        customer_id,
        count(distinct order_date) as purchase_days,
        min(order_date) as first_order_date,
        max(order_date) as last_order_date
    from {{ ref('fct_orders') }}
    where customer_id is not null and subscription_id is null
    group by customer_id

),

-- A renewal is revenue, but no purchase. A credit note has no order.
amounts as (

    select
        customer_id,
        net_amount as amount
    from {{ ref('fct_orders') }}

    union all

    select
        customer_id,
        -amount as amount
    from {{ ref('int_refunds_assessed') }}
    where is_counted and order_id is null

),

revenues as (

    select
        customer_id,
        sum(amount) as net_revenue
    from amounts
    group by customer_id

),

customer_value as (

    select * from {{ ref('fct_customer_value') }}

)

select
    coalesce(orders.customer_id, customer_value.customer_id) as customer_id,
    revenues.net_revenue,
    customer_value.historic_net_revenue

from customer_value
full outer join orders
    on customer_value.customer_id = orders.customer_id
left join revenues
    on customer_value.customer_id = revenues.customer_id
where
    customer_value.customer_id is null
    or customer_value.historic_net_revenue <> coalesce(revenues.net_revenue, 0)
    or (customer_value.frequency is null) <> (orders.customer_id is null)
    or customer_value.frequency <> orders.purchase_days - 1
    or customer_value.recency_days
    <> {{ dbt.datediff('orders.first_order_date', 'orders.last_order_date', 'day') }}
    or customer_value.age_days
    <> {{ dbt.datediff('orders.first_order_date', 'customer_value.as_of', 'day') }} - 1
