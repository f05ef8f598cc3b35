with

report as (

    select
        *,
        lag(holders_at_end) over a_tier as previous_holders_at_end,
        lag(month) over a_tier as previous_month,
        lead(month) over a_tier is null as is_last

    from {{ ref('rpt_loyalty_tiers') }}
    window a_tier as (partition by tier order by month)

),

holders_today as (

    select
        tier,
        count(*) as holders
    from {{ ref('int_customers_assigned_to_tiers') }}
    where is_current and tier_rank > 0
    group by tier

),

wrong_tiers as (

    select
        report.month,
        report.tier

    from report
    left join holders_today
        on report.tier = holders_today.tier
    where
        report.holders_at_start <> coalesce(report.previous_holders_at_end, 0)
        or {{ dbt.dateadd('month', 1, 'report.previous_month') }} <> report.month
        or report.holders_at_start
        + report.joined_holders + report.moved_up_in + report.moved_down_in
        - report.moved_up_out - report.moved_down_out - report.left_holders
        <> report.holders_at_end
        or (report.is_last and report.holders_at_end <> coalesce(holders_today.holders, 0))

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
