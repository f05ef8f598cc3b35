{#-
    From the orders as they are published. A value is the median if less than half of the gaps lie on each side of it, or
    if it lies midway between the two in the middle. So nothing is sorted.
-#}
with

orders as (

    select
        customers.first_order_date,
        orders.days_since_previous_order as gap_days,
        count(*) as orders,
        sum(orders.net_amount) as purchase_revenue

    from {{ ref('fct_orders') }} as orders
    inner join {{ ref('dim_customers') }} as customers
        on orders.customer_id = customers.customer_id
    where orders.order_number is not null
    group by customers.first_order_date, orders.days_since_previous_order

),

cohorts_of_days as (

    select
        date_day,
        period_grain,
        period_start
    from {{ ref('int_days_assigned_to_periods') }}

    union all

    select
        date_day,
        'all' as period_grain,
        cast(null as date) as period_start
    from {{ ref('int_days_spined') }}

),

reported as (

    select * from {{ ref('rpt_repeat_purchase') }}
    where segment_name = 'all'

),

counted as (

    select
        reported.period_grain,
        reported.cohort_start,
        reported.average_order_value,
        reported.median_days_between as median_days,
        reported.mean_days_between as mean_days,
        sum(orders.orders) as orders,
        sum(orders.purchase_revenue) as purchase_revenue,
        coalesce(sum(case when orders.gap_days > 0 then orders.orders end), 0) as gaps,
        coalesce(sum(orders.gap_days * orders.orders), 0) as gap_days,
        coalesce(sum(
            case
                when orders.gap_days > 0 and orders.gap_days < reported.median_days_between
                    then orders.orders
            end
        ), 0) as shorter,
        coalesce(sum(
            case when orders.gap_days > reported.median_days_between then orders.orders end
        ), 0) as longer,
        max(
            case
                when orders.gap_days > 0 and orders.gap_days < reported.median_days_between
                    then orders.gap_days
            end
        ) as next_shorter,
        min(
            case when orders.gap_days > reported.median_days_between then orders.gap_days end
        ) as next_longer

    from reported
    inner join cohorts_of_days as cohorts
        on
            reported.period_grain = cohorts.period_grain
            and reported.cohort_start is not distinct from cohorts.period_start
    left join orders
        on cohorts.date_day = orders.first_order_date
    group by
        reported.period_grain,
        reported.cohort_start,
        reported.average_order_value,
        reported.median_days_between,
        reported.mean_days_between

)

select * from counted
where
    average_order_value is distinct from
    {{ round_to_cent(safe_divide('purchase_revenue', 'orders')) }}
    or (mean_days is null) <> (gaps = 0)
    or abs(mean_days * gaps - gap_days) > 1e-12 * gap_days
    or (median_days is null) <> (gaps = 0)
    or case
        when median_days is null then false
        when shorter + longer < gaps then 2 * shorter >= gaps or 2 * longer >= gaps
        else coalesce(
            2 * shorter <> gaps
            or 2 * longer <> gaps
            or 2 * median_days <> next_shorter + next_longer,
            true
        )
    end
