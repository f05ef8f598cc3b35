with

report as (

    select
        month,
        sum(active_holders) as active_holders,
        sum(active_holders - retained_holders) as lost_holders,
        sum(holders_at_end) as holders,
        sum(net_revenue) as net_revenue,
        max(
            case
                when retained_holders > active_holders or active_holders > holders_at_end
                    then 1
                else 0
            end
        ) as is_impossible,
        max(
            case
                when abs(spend_per_holder * holders_at_end - net_revenue) > 0.01 * holders_at_end
                    then 1
                else 0
            end
        ) as is_no_share

    from {{ ref('rpt_loyalty_tiers') }}
    group by month

),

retention as (

    select * from {{ ref('rpt_retention_rates') }}
    where segment_name = 'all' and basis = 'orders' and period_grain = 'month'

),

last_month as (

    select max(month) as month from {{ ref('int_months_spined') }}

),

-- Who has a tier today has had it all month.
holders_today as (

    select
        tiers.customer_id,
        last_month.month
    from {{ ref('int_customers_assigned_to_tiers') }} as tiers
    cross join last_month
    where tiers.is_current and tiers.tier_rank > 0

),

revenue_of_last_month as (

    select
        holders_today.month,
        sum(customer_months.net_revenue) as net_revenue

    from holders_today
    inner join {{ ref('fct_customer_months') }} as customer_months
        on
            holders_today.customer_id = customer_months.customer_id
            and holders_today.month = customer_months.month
    group by holders_today.month

),

-- Customer by customer, from the runs of activity at the two ends of the last month.
activity_of_last_month as (

    select
        holders_today.month,
        count(*) as active_holders,
        sum(case when customers.is_active_orders then 0 else 1 end) as lost_holders

    from holders_today
    inner join {{ ref('int_activities_merged_to_runs') }} as runs
        on
            holders_today.customer_id = runs.customer_id
            and runs.basis = 'orders'
            and runs.started_on < holders_today.month
            and (runs.ended_on is null or runs.ended_on >= holders_today.month)
    inner join {{ ref('dim_customers') }} as customers
        on holders_today.customer_id = customers.customer_id
    group by holders_today.month

)

select report.*

from report
left join retention
    on report.month = retention.period_start
left join revenue_of_last_month
    on report.month = revenue_of_last_month.month
left join activity_of_last_month
    on report.month = activity_of_last_month.month
where
    report.is_impossible = 1
    or report.is_no_share = 1
    or report.active_holders > coalesce(retention.customers_at_start, 0)
    or report.lost_holders > coalesce(retention.lost_customers, 0)
    or report.net_revenue <> revenue_of_last_month.net_revenue
    or report.active_holders <> activity_of_last_month.active_holders
    or report.lost_holders <> activity_of_last_month.lost_holders
