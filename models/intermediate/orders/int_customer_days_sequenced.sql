with

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

sequenced as (

    select
        *,
        min(case when is_purchase_day then activity_date end) over a_customer
            as first_purchase_date,
        max(case when is_purchase_day then activity_date end) over a_customer
            as last_purchase_date,
        max(case when is_purchase_day then activity_date end) over (
            partition by customer_id
            order by activity_date
            rows between unbounded preceding and 1 preceding
        ) as previous_purchase_date,
        cast(
            sum(case when is_purchase_day then 1 else 0 end) over (
                partition by customer_id
                order by activity_date
                rows between unbounded preceding and current row
            ) as bigint
        ) as purchase_number

    from customer_days
    window a_customer as (partition by customer_id)

)

select
    customer_id,
    orders,
    order_amount,
    purchase_revenue,
    net_revenue,
    is_purchase_day,
    case when is_purchase_day then purchase_number end as purchase_number,
    activity_date,
    first_purchase_date,
    previous_purchase_date,
    last_purchase_date,
    active_until

from sequenced
