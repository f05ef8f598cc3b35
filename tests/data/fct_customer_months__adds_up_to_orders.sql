with

-- A renewal is revenue, but no purchase. A credit note has no order.
amounts as (

    select
        customer_id,
        case when subscription_id is null then 1 else 0 end as orders,
        net_amount as net_revenue
    from {{ ref('fct_orders') }}
    where customer_id is not null

    union all

    select
        customer_id,
        0 as orders,
        -amount as net_revenue
    from {{ ref('int_refunds_assessed') }}
    where is_counted and order_id is null

),

orders as (

    select
        customer_id,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue
    from amounts
    group by customer_id

),

months as (

    select
        customer_id,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue,
        sum(case when is_complete then mrr else 0 end) as recurring_revenue
    from {{ ref('fct_customer_months') }}
    group by customer_id

),

customers as (

    select
        dim_customers.customer_id,
        dim_customers.lifetime_orders,
        dim_customers.lifetime_net_revenue,
        dim_customers.lifetime_recurring_revenue,
        coalesce(orders.orders, 0) as orders,
        coalesce(orders.net_revenue, 0) as net_revenue,
        coalesce(months.orders, 0) as month_orders,
        coalesce(months.net_revenue, 0) as month_net_revenue,
        coalesce(months.recurring_revenue, 0) as month_recurring_revenue

    from {{ ref('dim_customers') }} as dim_customers
    left join orders
        on dim_customers.customer_id = orders.customer_id
    left join months
        on dim_customers.customer_id = months.customer_id

)

select * from customers
where
    orders <> month_orders
    or orders <> lifetime_orders
    or net_revenue <> month_net_revenue
    or net_revenue <> lifetime_net_revenue
    or month_recurring_revenue <> lifetime_recurring_revenue
