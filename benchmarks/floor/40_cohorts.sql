-- Triangles and repeat purchase. Rows are counted by group of customers, once by week and once by
-- month. Quarters and years are sums of months.

create schema cohorts;

-- a customer is counted as active once per period: with the first order in the period
create temp table cells as
with facts as (
    select
        g, orders.first_date, order_date as day, previous_date,
        order_date = last_date and order_date is distinct from previous_date as is_last,
        1 as orders, orders.amount
    from orders
    inner join buyers using (c)
    inner join group_of using (c)
    union all
    select g, first_date, refund_date, refund_date, false, 0, -refunds.amount
    from refunds
    inner join buyers using (c)
    inner join group_of using (c)
),
weeks as (
    select
        g,
        date_trunc('week', first_date)::date as cohort_start,
        date_trunc('week', day)::date as period_start,
        count(*) filter (previous_date is null or previous_date < date_trunc('week', day)) as active,
        count(*) filter (is_last) as last_active,
        sum(orders) as orders,
        sum(amount) as net_revenue
    from facts
    group by all
),
months as (
    select
        g,
        date_trunc('month', first_date)::date as cohort_start,
        date_trunc('month', day)::date as period_start,
        count(*) filter (previous_date is null or previous_date < date_trunc('month', day)) as active_m,
        count(*) filter (previous_date is null or previous_date < date_trunc('quarter', day))
            as active_q,
        count(*) filter (previous_date is null or previous_date < date_trunc('year', day)) as active_y,
        count(*) filter (is_last) as last_active,
        sum(orders) as orders,
        sum(amount) as net_revenue
    from facts
    group by all
),
longer as (
    select
        g,
        period_grain,
        date_trunc(period_grain, cohort_start)::date as cohort_start,
        date_trunc(period_grain, period_start)::date as period_start,
        sum(case period_grain when 'month' then active_m when 'quarter' then active_q else active_y end)
            as active,
        sum(last_active) as last_active,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue
    from months
    cross join (values ('month'), ('quarter'), ('year')) as grains (period_grain)
    group by all
)
select
    s,
    period_grain,
    cohort_start,
    period_start,
    sum(active)::bigint as active,
    sum(last_active)::bigint as last_active,
    sum(orders)::bigint as orders,
    sum(net_revenue) as net_revenue
from (
    select g, 'week' as period_grain, * exclude (g) from weeks
    union all
    select * from longer
)
inner join segments using (g)
group by all;

create table cohorts.rpt_order_cohorts as
with every_cell as (
    select
        cohorts.s,
        cohorts.period_grain,
        cohorts.cohort_start,
        cohorts.active as cohort_customers,
        periods.period_number - cohort_periods.period_number as periods_since,
        periods.period_start,
        periods.period_end,
        periods.is_complete,
        coalesce(cells.active, 0) as active_customers,
        coalesce(cells.orders, 0) as orders,
        coalesce(cells.net_revenue, 0) as net_revenue,
        sum(coalesce(cells.last_active, 0)) over (
            partition by cohorts.s, cohorts.period_grain, cohorts.cohort_start
            order by periods.period_start
            rows between current row and unbounded following
        ) as rolling,
        sum(coalesce(cells.net_revenue, 0)) over (
            partition by cohorts.s, cohorts.period_grain, cohorts.cohort_start
            order by periods.period_start
            rows between unbounded preceding and current row
        ) as cumulative
    from cells as cohorts
    inner join periods as cohort_periods
        on
            cohorts.period_grain = cohort_periods.period_grain
            and cohorts.cohort_start = cohort_periods.period_start
    inner join periods
        on
            cohorts.period_grain = periods.period_grain
            and cohorts.cohort_start <= periods.period_start
    left join cells
        on
            cohorts.s = cells.s
            and cohorts.period_grain = cells.period_grain
            and cohorts.cohort_start = cells.cohort_start
            and periods.period_start = cells.period_start
    where cohorts.period_start = cohorts.cohort_start
)
select
    segment_name,
    segment_value,
    period_grain,
    cohort_start,
    periods_since,
    period_start,
    cohort_customers,
    active_customers,
    divide(active_customers, cohort_customers) as retention_rate,
    wilson_low(active_customers, cohort_customers) as retention_ci_low,
    wilson_high(active_customers, cohort_customers) as retention_ci_high,
    rolling::bigint as rolling_active_customers,
    divide(rolling, cohort_customers) as rolling_retention_rate,
    wilson_low(rolling, cohort_customers) as rolling_retention_ci_low,
    wilson_high(rolling, cohort_customers) as rolling_retention_ci_high,
    orders,
    net_revenue::decimal(18, 2) as net_revenue,
    cumulative::decimal(18, 2) as cumulative_net_revenue,
    is_complete,
    period_end + 90 <= getvariable('as_of') as is_rolling_complete
from every_cell
inner join segment_names using (s);

drop table cells;

-- weeks and months are counted; quarters, years and all time are sums of months
create temp table cohort_counts as
with dated as (
    select g, first_date, second_date - first_date as gap, getvariable('as_of') - 1 - first_date as age,
        orders, net_revenue
    from buyers
    inner join group_of using (c)
),
counted as (
    select
        g,
        period_grain,
        date_trunc(period_grain, first_date)::date as cohort_start,
        count(*) as customers,
        count(gap) as repeat_customers,
        count(*) filter (age >= 30) as m30,
        count(*) filter (age >= 30 and gap <= 30) as r30,
        count(*) filter (age >= 60) as m60,
        count(*) filter (age >= 60 and gap <= 60) as r60,
        count(*) filter (age >= 90) as m90,
        count(*) filter (age >= 90 and gap <= 90) as r90,
        count(*) filter (age >= 180) as m180,
        count(*) filter (age >= 180 and gap <= 180) as r180,
        count(*) filter (age >= 365) as m365,
        count(*) filter (age >= 365 and gap <= 365) as r365,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue
    from dated
    cross join (values ('week'), ('month')) as grains (period_grain)
    group by all
)
select
    s,
    grain as period_grain,
    case when grain <> 'all' then date_trunc(grain, cohort_start)::date end as cohort_start,
    sum(columns(* exclude (s, g, grain, segment_name, segment_value, period_grain, cohort_start)))
from counted
inner join (
    values ('week', 'week'), ('month', 'month'), ('month', 'quarter'), ('month', 'year'), ('month', 'all')
) as grains (period_grain, grain) using (period_grain)
inner join segments using (g)
group by all;

-- days between purchases as a histogram: the median is then one bar, or the middle of two bars
create temp table gap_counts as
with days_between as (
    select g, first_date, order_date - previous_date as gap
    from orders
    inner join group_of using (c)
    where order_date > previous_date
),
counted as (
    select
        g,
        period_grain,
        date_trunc(period_grain, first_date)::date as cohort_start,
        gap,
        count(*) as purchases
    from days_between
    cross join (values ('week'), ('month')) as grains (period_grain)
    group by all
),
of_segments as (
    select s, period_grain, cohort_start, gap, sum(purchases)::bigint as purchases
    from counted
    inner join segments using (g)
    group by all
)
select
    s,
    grain as period_grain,
    case when grain <> 'all' then date_trunc(grain, cohort_start)::date end as cohort_start,
    gap,
    sum(purchases)::bigint as purchases
from of_segments
inner join (
    values ('week', 'week'), ('month', 'month'), ('month', 'quarter'), ('month', 'year'), ('month', 'all')
) as grains (period_grain, grain) using (period_grain)
group by all;

create temp table gaps as
with summed as (
    select
        *,
        sum(purchases) over (
            partition by s, period_grain, cohort_start
            order by gap
            rows between unbounded preceding and current row
        ) as up_to,
        sum(purchases) over (partition by s, period_grain, cohort_start) as total
    from gap_counts
)
select
    s,
    period_grain,
    cohort_start,
    -- the mean of the two middle values, which are the same one if the number is odd
    (min(gap) filter (up_to * 2 >= total) + min(gap) filter (up_to * 2 > total)) / 2.0
        as median_days_between,
    sum(gap * purchases)::double / sum(purchases) as mean_days_between
from summed
group by all;

drop table gap_counts;

-- the best tenth of the buyers: revenues in cents. The smallest one of the tenth is found without a sort.
create temp table best as
with revenues as (
    select s, first_date, (net_revenue * 100)::bigint as revenue
    from buyers
    inner join group_of using (c)
    inner join segments using (g)
),
tenths as (
    select
        s,
        period_grain,
        case when period_grain <> 'all' then date_trunc(period_grain, first_date)::date end
            as cohort_start,
        list(revenue) as revenues,
        percentile_disc(0.1) within group (order by revenue desc) as smallest,
        (count(*) + 9) // 10 as top_customers
    from revenues
    cross join (values ('week'), ('month'), ('quarter'), ('year'), ('all')) as grains (period_grain)
    group by all
)
select
    s,
    period_grain,
    cohort_start,
    top_customers,
    list_filter(revenues, lambda revenue: revenue > smallest) as larger,
    len(revenues) - top_customers as other_customers,
    coalesce(list_sum(larger), 0) + (top_customers - len(larger)) * smallest as top_revenue,
    list_sum(revenues) as revenue
from tenths;

create table cohorts.rpt_repeat_purchase as
select
    segment_name,
    segment_value,
    cohort_counts.period_grain,
    cohort_counts.cohort_start,
    customers::bigint as customers,
    repeat_customers::bigint as repeat_customers,
    divide(repeat_customers, customers) as repeat_rate,
    wilson_low(repeat_customers, customers) as repeat_ci_low,
    wilson_high(repeat_customers, customers) as repeat_ci_high,
    m30::bigint as mature_customers_30d,
    r30::bigint as repeat_customers_30d,
    divide(r30, m30) as repeat_rate_30d,
    wilson_low(r30, m30) as repeat_ci_low_30d,
    wilson_high(r30, m30) as repeat_ci_high_30d,
    m60::bigint as mature_customers_60d,
    r60::bigint as repeat_customers_60d,
    divide(r60, m60) as repeat_rate_60d,
    wilson_low(r60, m60) as repeat_ci_low_60d,
    wilson_high(r60, m60) as repeat_ci_high_60d,
    m90::bigint as mature_customers_90d,
    r90::bigint as repeat_customers_90d,
    divide(r90, m90) as repeat_rate_90d,
    wilson_low(r90, m90) as repeat_ci_low_90d,
    wilson_high(r90, m90) as repeat_ci_high_90d,
    m180::bigint as mature_customers_180d,
    r180::bigint as repeat_customers_180d,
    divide(r180, m180) as repeat_rate_180d,
    wilson_low(r180, m180) as repeat_ci_low_180d,
    wilson_high(r180, m180) as repeat_ci_high_180d,
    m365::bigint as mature_customers_365d,
    r365::bigint as repeat_customers_365d,
    divide(r365, m365) as repeat_rate_365d,
    wilson_low(r365, m365) as repeat_ci_low_365d,
    wilson_high(r365, m365) as repeat_ci_high_365d,
    divide(orders, customers) as purchase_frequency,
    cents(divide(net_revenue, orders)) as average_order_value,
    median_days_between,
    mean_days_between,
    divide(top_revenue, revenue) as top_decile_revenue_share,
    divide(top_revenue * other_customers, (revenue - top_revenue) * top_customers)
        as top_decile_spend_multiple,
    coalesce(periods.is_complete, false) as is_complete
from cohort_counts
inner join segment_names using (s)
left join periods
    on
        cohort_counts.period_grain = periods.period_grain
        and cohort_counts.cohort_start = periods.period_start
left join gaps
    on
        cohort_counts.s = gaps.s
        and cohort_counts.period_grain = gaps.period_grain
        and cohort_counts.cohort_start is not distinct from gaps.cohort_start
left join best
    on
        cohort_counts.s = best.s
        and cohort_counts.period_grain = best.period_grain
        and cohort_counts.cohort_start is not distinct from best.cohort_start;

create table cohorts.rpt_subscription_cohorts as
with changes as (
    select c, pays_from_date as day, mrr as change from paying
    union all
    select c, pays_to::date, -mrr from paying where is_over
),
levels as (
    select
        c,
        period_grain,
        period_number,
        sum(sum(change)) over w as mrr,
        sum(sum(change)) over w - sum(change) as previous_mrr,
        first_value(sum(change)) over w as opening_mrr,
        first_value(period_number) over w as cohort_number
    from changes
    inner join days on day = date_day
    group by c, period_grain, period_number
    window w as (
        partition by c, period_grain
        order by period_number
        rows between unbounded preceding and current row
    )
),
deltas_of_groups as (
    select
        g,
        period_grain,
        cohort_number,
        period_number,
        count(*) filter (period_number = cohort_number) as cohort_customers,
        sum((mrr > 0)::int - (previous_mrr > 0)::int) as active,
        sum(mrr - previous_mrr) as mrr,
        sum(least(mrr, opening_mrr) - least(previous_mrr, opening_mrr)) as kept
    from levels
    inner join group_of using (c)
    group by all
),
deltas as (
    select
        s,
        period_grain,
        cohort_number,
        period_number,
        sum(cohort_customers)::bigint as cohort_customers,
        sum(active)::bigint as active,
        sum(mrr) as mrr,
        sum(kept) as kept
    from deltas_of_groups
    inner join segments using (g)
    group by all
),
every_cell as (
    select
        cohorts.s,
        cohorts.period_grain,
        cohorts.cohort_number,
        cohorts.cohort_customers,
        cohorts.mrr as opening_mrr,
        periods.period_number,
        periods.period_start,
        periods.is_complete,
        sum(coalesce(deltas.active, 0)) over w as active,
        sum(coalesce(deltas.mrr, 0)) over w as mrr,
        sum(coalesce(deltas.kept, 0)) over w as kept
    from deltas as cohorts
    inner join periods
        on
            cohorts.period_grain = periods.period_grain
            and cohorts.cohort_number <= periods.period_number
    left join deltas
        on
            cohorts.s = deltas.s
            and cohorts.period_grain = deltas.period_grain
            and cohorts.cohort_number = deltas.cohort_number
            and periods.period_number = deltas.period_number
    where cohorts.cohort_number = cohorts.period_number
    window w as (
        partition by cohorts.s, cohorts.period_grain, cohorts.cohort_number
        order by periods.period_number
        rows between unbounded preceding and current row
    )
)
select
    segment_name,
    segment_value,
    period_grain,
    cohort_periods.period_start as cohort_start,
    every_cell.period_number - cohort_number as periods_since,
    every_cell.period_start,
    cohort_customers,
    active::bigint as active_customers,
    divide(active, cohort_customers) as retention_rate,
    wilson_low(active, cohort_customers) as retention_ci_low,
    wilson_high(active, cohort_customers) as retention_ci_high,
    opening_mrr::decimal(18, 2) as opening_mrr,
    mrr::decimal(18, 2) as mrr,
    divide(mrr, opening_mrr) as net_revenue_retention,
    divide(kept, opening_mrr) as gross_revenue_retention,
    every_cell.is_complete,
    false as is_left_truncated
from every_cell
inner join segment_names using (s)
inner join periods as cohort_periods using (period_grain)
where cohort_number = cohort_periods.period_number;
