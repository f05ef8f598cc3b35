with

report as (

    select
        *,
        lag(members_at_end) over a_tier as previous_members_at_end,
        lag(month) over a_tier as previous_month,
        lead(month) over a_tier is null as is_last

    from {{ ref('rpt_loyalty_tiers') }}
    window a_tier as (partition by tier order by month)

),

members_today as (

    select
        tier,
        count(*) as members
    from {{ ref('int_customers_assigned_to_tiers') }}
    where is_current and tier_rank > 0
    group by tier

),

wrong_tiers as (

    select
        report.month,
        report.tier

    from report
    left join members_today
        on report.tier = members_today.tier
    where
        report.members_at_start <> coalesce(report.previous_members_at_end, 0)
        or {{ dbt.dateadd('month', 1, 'report.previous_month') }} <> report.month
        or report.members_at_start
        + report.joined_members + report.moved_up_in + report.moved_down_in
        - report.moved_up_out - report.moved_down_out - report.left_members
        <> report.members_at_end
        or (report.is_last and report.members_at_end <> coalesce(members_today.members, 0))

),

-- Who moves out of a tier moves into another one.
wrong_months as (

    select
        month,
        'all' as tier
    from report
    group by month
    having sum(moved_up_in) <> sum(moved_up_out) or sum(moved_down_in) <> sum(moved_down_out)

)

select * from wrong_tiers

union all

select * from wrong_months
