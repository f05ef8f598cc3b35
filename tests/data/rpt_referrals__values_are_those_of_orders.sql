-- Net revenue of the first 365 days, from the days of orders, refunds and credit notes.
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

buyers as (

    select
        customers.customer_id,
        customers.first_order_date,
        coalesce(referrals.is_counted, false) as is_referred

    from {{ ref('dim_customers') }} as customers
    left join {{ ref('int_referrals_assessed') }} as referrals
        on customers.customer_id = referrals.customer_id
    cross join as_of
    where {{ dbt.dateadd('day', 365, 'customers.first_order_date') }} <= as_of.as_of

),

expected as (

    select
        buyers.is_referred,
        sum(days.net_revenue) as net_revenue,
        count(distinct buyers.customer_id) as customers

    from buyers
    inner join {{ ref('int_orders_aggregated_to_customer_days') }} as days
        on
            buyers.customer_id = days.customer_id
            and {{ dbt.datediff('buyers.first_order_date', 'days.activity_date', 'day') }}
            between 0 and 364
    group by buyers.is_referred

),

reported as (

    select
        true as is_referred,
        referred_mature_customers_365d as customers,
        referred_net_revenue_365d as net_revenue,
        referred_value_365d as value_365d,
        referred_value_ci_low_365d as ci_low,
        referred_value_ci_high_365d as ci_high
    from {{ ref('rpt_referrals') }}
    where segment_name = 'all' and period_grain = 'all'

    union all

    select
        false as is_referred,
        other_mature_customers_365d as customers,
        other_net_revenue_365d as net_revenue,
        other_value_365d as value_365d,
        other_value_ci_low_365d as ci_low,
        other_value_ci_high_365d as ci_high
    from {{ ref('rpt_referrals') }}
    where segment_name = 'all' and period_grain = 'all'

    union all

    -- The difference lies in its interval, too, and is that of the two values.
    select
        null as is_referred,
        null as customers,
        referred_value_365d - other_value_365d as net_revenue,
        value_difference_365d as value_365d,
        value_difference_ci_low_365d as ci_low,
        value_difference_ci_high_365d as ci_high
    from {{ ref('rpt_referrals') }}

)

select
    reported.is_referred,
    reported.customers,
    reported.net_revenue,
    reported.value_365d,
    expected.net_revenue as expected_net_revenue

from reported
left join expected
    on reported.is_referred = expected.is_referred
where
    reported.value_365d not between reported.ci_low and reported.ci_high
    or (
        reported.is_referred is not null
        and (
            reported.net_revenue <> coalesce(expected.net_revenue, 0)
            or reported.customers <> coalesce(expected.customers, 0)
            or abs(reported.value_365d * reported.customers - reported.net_revenue)
            > 0.005 * reported.customers + 1e-6
        )
    )
    or (
        reported.is_referred is null
        and abs(reported.net_revenue - reported.value_365d) > 0.0101
    )
