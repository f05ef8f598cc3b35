with

members as (

    select
        period_grain,
        cohort_start,
        sum(customers) as customers,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue,
        max(
            case
                when
                    retained_customers > customers
                    or abs(orders_per_customer * customers - orders) > 1e-6 * (orders + 1)
                    or abs(net_revenue_per_customer * customers - net_revenue) > 0.01 * customers
                    then 1
                else 0
            end
        ) as is_impossible

    from {{ ref('rpt_loyalty_members') }}
    group by period_grain, cohort_start

),

grains as (

    select
        period_grain,
        sum(customers) as customers,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue
    from members
    group by period_grain

),

cohorts as (

    select * from {{ ref('rpt_repeat_purchase') }}
    where segment_name = 'all' and period_grain <> 'all'

),

wrong_cohorts as (

    select
        cohorts.period_grain,
        cohorts.cohort_start

    from cohorts
    left join members
        on
            cohorts.period_grain = members.period_grain
            and cohorts.cohort_start = members.cohort_start
    where
        members.is_impossible = 1
        or coalesce(members.customers, 0) > cohorts.mature_customers_180d
        -- a first purchase carries beyond the landmark, unless buyers lapse before it
        or (
            {{ var('landmark_days') }} < {{ var('order_lapse_days') }}
            and coalesce(members.customers, 0) <> cohorts.mature_customers_180d
        )

),

wrong_grains as (

    select
        period_grain,
        cast(null as date) as cohort_start
    from grains
    where
        customers <> (select max(others.customers) from grains as others)
        or orders <> (select max(others.orders) from grains as others)
        or net_revenue <> (select max(others.net_revenue) from grains as others)

)

select * from wrong_cohorts

union all

select * from wrong_grains
