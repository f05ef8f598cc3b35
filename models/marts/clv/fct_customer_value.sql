with

customers as (

    select * from {{ ref('dim_customers') }}
    where acquired_on is not null

),

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

histories as (

    select
        customer_id,
        sum(case when is_purchase_day then 1 else 0 end) as purchase_days,
        min(case when is_purchase_day then activity_date end) as first_purchase_date,
        max(case when is_purchase_day then activity_date end) as last_purchase_date,
        sum(net_revenue) as net_revenue

    from customer_days
    group by customer_id

)

select
    customers.customer_id,
    cast(histories.purchase_days - 1 as bigint) as frequency,
    cast(
        {{ dbt.datediff('histories.first_purchase_date', 'histories.last_purchase_date', 'day') }}
        as bigint
    ) as recency_days,
    cast(
        {{ dbt.datediff('histories.first_purchase_date', 'as_of.last_day', 'day') }} as bigint
    ) as age_days,
    cast(coalesce(histories.net_revenue, 0) as decimal(18, 2)) as historic_net_revenue,
    cast(
        coalesce(histories.net_revenue, 0) * {{ var('gross_margin') }} as decimal(18, 2)
    ) as historic_margin,
    as_of.as_of

from customers
cross join as_of
left join histories
    on customers.customer_id = histories.customer_id
