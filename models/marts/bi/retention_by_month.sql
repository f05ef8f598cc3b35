with

months as (

    select * from {{ without_database(ref('rpt_retention_rates')) }}
    where segment_name = 'all' and period_grain = 'month' and is_complete

),

customers as (

    select * from months
    where basis = 'any'

),

buyers as (

    select * from months
    where basis = 'orders'

),

subscribers as (

    select * from months
    where basis = 'subscriptions'

)

select
    customers.period_start as month,
    customers.customers_at_start,
    customers.new_customers,
    customers.returning_customers,
    customers.lost_customers,
    customers.customers_at_end as customers,
    customers.retention_rate,
    customers.churn_rate,
    buyers.customers_at_start as buyers_at_start,
    buyers.new_customers as new_buyers,
    buyers.returning_customers as returning_buyers,
    buyers.lost_customers as lost_buyers,
    buyers.customers_at_end as buyers,
    buyers.retention_rate as buyer_retention_rate,
    buyers.churn_rate as buyer_churn_rate,
    subscribers.customers_at_start as subscribers_at_start,
    subscribers.new_customers as new_subscribers,
    subscribers.returning_customers as returning_subscribers,
    subscribers.lost_customers as lost_subscribers,
    subscribers.customers_at_end as subscribers,
    subscribers.retention_rate as subscriber_retention_rate,
    subscribers.churn_rate as subscriber_churn_rate,
    customers.is_left_truncated

from customers
left join buyers
    on customers.period_start = buyers.period_start
left join subscribers
    on customers.period_start = subscribers.period_start
