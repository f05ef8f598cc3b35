with

report as (

    select
        month,
        sum(active_members) as active_members,
        sum(active_members - retained_members) as lost_members,
        sum(members_at_end) as members,
        sum(net_revenue) as net_revenue,
        max(
            case
                when retained_members > active_members or active_members > members_at_end
                    then 1
                else 0
            end
        ) as is_impossible,
        max(
            case
                when abs(spend_per_member * members_at_end - net_revenue) > 0.01 * members_at_end
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

-- Who has a tier today has had it all month.
revenue_of_last_month as (

    select
        customer_months.month,
        sum(customer_months.net_revenue) as net_revenue

    from {{ ref('fct_customer_months') }} as customer_months
    inner join {{ ref('int_customers_assigned_to_tiers') }} as tiers
        on
            customer_months.customer_id = tiers.customer_id
            and tiers.is_current
            and tiers.tier_rank > 0
    where customer_months.month = (select max(month) from {{ ref('int_months_spined') }})
    group by customer_months.month

)

select report.*

from report
left join retention
    on report.month = retention.period_start
left join revenue_of_last_month
    on report.month = revenue_of_last_month.month
where
    report.is_impossible = 1
    or report.is_no_share = 1
    or report.active_members > coalesce(retention.customers_at_start, 0)
    or report.lost_members > coalesce(retention.lost_customers, 0)
    or report.net_revenue <> revenue_of_last_month.net_revenue
