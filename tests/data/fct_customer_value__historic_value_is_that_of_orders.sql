with

orders as (

    select
        customer_id,
        sum(net_amount) as net_revenue,
        count(distinct order_date) as purchase_days,
        min(order_date) as first_order_date,
        max(order_date) as last_order_date
    from {{ ref('fct_orders') }}
    where customer_id is not null
    group by customer_id

),

customer_value as (

    select * from {{ ref('fct_customer_value') }}

)

select
    orders.customer_id,
    orders.net_revenue,
    customer_value.historic_net_revenue

from orders
left join customer_value
    on orders.customer_id = customer_value.customer_id
where
    customer_value.customer_id is null
    or customer_value.historic_net_revenue <> orders.net_revenue
    or customer_value.frequency is null
    or customer_value.frequency <> orders.purchase_days - 1
    or customer_value.recency_days
    <> {{ dbt.datediff('orders.first_order_date', 'orders.last_order_date', 'day') }}
    or customer_value.age_days
    <> {{ dbt.datediff('orders.first_order_date', 'customer_value.as_of', 'day') }} - 1
