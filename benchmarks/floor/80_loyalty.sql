-- Scores and tiers of customers, without their stage and membership.

create schema journey;

-- The money of each month, from the month after it on, and the same money less, a year later.
create temp table tier_holds as
with changes as (
    select c, month + lag_ as month, sum(case lag_ when 1 then amount else -amount end) as change
    from (
        select c, date_diff('month', first_month, order_date) as month, amount
        from orders, (select min(period_start) as first_month from periods where period_grain = 'month')
        where c is not null
        union all
        select c, date_diff('month', first_month, refund_date), -amount
        from refunds, (select min(period_start) as first_month from periods where period_grain = 'month')
        where c is not null
    )
    cross join (values (1), (13)) as lags (lag_)
    where c in (from (select c from buyers where amount >= (
        select min(minimum_spend) from read_csv(getvariable('seeds') || '/loyalty_tiers.csv')
    )))
    group by all
),
spends as (
    select c, month, sum(change) over (partition by c order by month) as spend from changes
),
crossings as (
    select
        c, tier_rank, kept_for_months, month, spend >= minimum_spend as is_reached,
        lag(spend >= minimum_spend, 1, false) over (partition by c, tier_rank order by month) as was
    from spends
    cross join read_csv(getvariable('seeds') || '/loyalty_tiers.csv')
),
ends as (
    select *, lead(month) over (partition by c, tier_rank order by month) as next_month
    from crossings
    where is_reached <> was
)
select c, tier_rank, month, greatest(next_month, month + kept_for_months) as until
from ends
where is_reached;

create temp table tier_stretches as
with boundaries as (
    select c, month from tier_holds
    union
    select c, until from tier_holds where until is not null
),
ranks as (
    select
        boundaries.c, boundaries.month,
        coalesce(
            max(tier_rank) filter (
                tier_holds.month <= boundaries.month and boundaries.month < coalesce(until, 9999)
            ), 0
        ) as tier_rank
    from boundaries
    inner join tier_holds using (c)
    group by all
),
moves as (
    select *, lag(tier_rank, 1, 0) over (partition by c order by month) as before
    from ranks
    where month < (select count(*) from periods where period_grain = 'month')
    qualify tier_rank <> before
)
select
    c, tier_rank, before, month as from_month,
    coalesce(
        lead(month) over (partition by c order by month) - 1,
        (select count(*) - 1 from periods where period_grain = 'month')
    ) as to_month,
    lead(month) over (partition by c order by month) is null as is_current
from moves;

create table journey.fct_customer_scores as
with window_start as (
    select (getvariable('as_of') - interval 24 month)::date as day
),
bought as (
    select
        c, max(order_date) as last_date,
        count(distinct order_date) filter (order_date >= day) as frequency,
        coalesce(sum(amount) filter (order_date >= day), 0) as amount
    from orders
    cross join window_start
    where c is not null
    group by c
),
spent as (
    select bought.*, bought.amount - coalesce(paid_back, 0) as monetary
    from bought
    left join (
        select c, sum(amount) as paid_back
        from refunds, window_start
        where refund_date >= day
        group by c
    ) using (c)
),
scored as (
    select
        *,
        count(*) over w as n,
        case frequency when 0 then 1 else (rank() over (w order by last_date) - 1) * 5 // n + 1 end as r,
        case frequency when 0 then 1 else (rank() over (w order by frequency) - 1) * 5 // n + 1 end as f,
        rank() over (w order by monetary) - 1 as less,
        case frequency when 0 then 1 else less * 5 // n + 1 end as m
    from spent
    window w as (partition by frequency > 0)
)
select
    customer_id,
    (getvariable('as_of') - 1 - last_date)::bigint as recency_days,
    frequency::bigint as frequency,
    monetary::decimal(18, 2) as monetary,
    r::bigint as r_score,
    f::bigint as f_score,
    m::bigint as m_score,
    rfm_segment,
    frequency > 0 and less * 10 >= n * 9 as is_top_decile,
    coalesce(tier, '(none)') as loyalty_tier
from scored
inner join ids using (c)
inner join read_csv(getvariable('seeds') || '/rfm_segments.csv') on r = r_score and f = f_score
left join (
    select c, tier
    from tier_stretches
    inner join read_csv(getvariable('seeds') || '/loyalty_tiers.csv') using (tier_rank)
    where is_current
) using (c);

create table journey.rpt_loyalty_tiers as
with months as (
    select *, period_number - 1 as m from periods where period_grain = 'month'
),
tiers as (
    from read_csv(getvariable('seeds') || '/loyalty_tiers.csv')
),
moves as (
    select
        from_month as m,
        tiers.tier_rank,
        sum(case tiers.tier_rank when tier_stretches.tier_rank then 1 else -1 end) as net,
        count(*) filter (before = 0) as joined_holders,
        count(*) filter (before between 1 and tiers.tier_rank - 1) as moved_up_in,
        count(*) filter (before > tiers.tier_rank) as moved_down_in,
        count(*) filter (tier_stretches.tier_rank > tiers.tier_rank) as moved_up_out,
        count(*) filter (tier_stretches.tier_rank between 1 and tiers.tier_rank - 1) as moved_down_out,
        count(*) filter (tier_stretches.tier_rank = 0) as left_holders
    from tier_stretches
    inner join tiers on tiers.tier_rank in (tier_stretches.tier_rank, before)
    group by all
),
spend as (
    select m, tier_rank, sum(net_revenue) as net_revenue
    from core.fct_customer_months
    inner join ids using (customer_id)
    inner join months on month = period_start
    inner join tier_stretches on ids.c = tier_stretches.c and m >= from_month and m <= to_month
    group by all
),
-- months at whose start a buyer is active, and the last one of them if it ends with a loss
active as (
    select
        c, from_m, to_m,
        ended_on is not null and coalesce(lead(from_m) over (partition by c order by from_m) > to_m + 1, true)
            as is_lost
    from (
        select
            c, ended_on, started_on, firsts.period_number as from_m,
            coalesce(lasts.period_number - 1, (select count(*) from months)) as to_m
        from runs
        inner join days as firsts on firsts.period_grain = 'month' and started_on = firsts.date_day
        left join days as lasts on lasts.period_grain = 'month' and ended_on = lasts.date_day
        where list_contains(bases, 'orders')
    )
    where from_m <= to_m
),
kept as (
    select m, tier_rank, count(*) as active, count(*) filter (is_lost and m = to_m) as lost
    from tier_stretches
    inner join active using (c)
    inner join months on m >= greatest(from_m, from_month) and m <= least(to_m, to_month)
    where tier_rank > 0
    group by all
),
every_month as (
    select
        months.*, tier, tiers.tier_rank, moves.* exclude (m, tier_rank),
        coalesce(net_revenue, 0) as revenue, coalesce(active, 0) as n, coalesce(active - lost, 0) as x,
        coalesce(sum(net) over (partition by tiers.tier_rank order by months.m), 0) as holders
    from tiers
    inner join months on months.m >= (select min(from_month) from tier_stretches)
    left join moves on months.m = moves.m and tiers.tier_rank = moves.tier_rank
    left join spend on months.m = spend.m and tiers.tier_rank = spend.tier_rank
    left join kept on months.m = kept.m and tiers.tier_rank = kept.tier_rank
)
select
    period_start as month,
    tier,
    tier_rank,
    (holders - coalesce(net, 0))::bigint as holders_at_start,
    coalesce(joined_holders, 0) as joined_holders,
    coalesce(moved_up_in, 0) as moved_up_in,
    coalesce(moved_down_in, 0) as moved_down_in,
    coalesce(moved_up_out, 0) as moved_up_out,
    coalesce(moved_down_out, 0) as moved_down_out,
    coalesce(left_holders, 0) as left_holders,
    holders::bigint as holders_at_end,
    n as active_holders,
    x as retained_holders,
    divide(x, n) as retention_rate,
    wilson_low(x, n) as retention_ci_low,
    wilson_high(x, n) as retention_ci_high,
    revenue::decimal(18, 2) as net_revenue,
    cents(divide(revenue, holders)) as spend_per_holder,
    is_complete,
    period_start < (select min(first_date) from buyers) + interval 12 month as is_left_truncated
from every_month;
