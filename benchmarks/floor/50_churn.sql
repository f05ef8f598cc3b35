-- Recurring revenue, retention, survival, reasons and trials.

create schema churn;

create table churn.fct_mrr_movements as
select
    customer_id,
    movement,
    plans_before,
    plans_after,
    opening_mrr,
    case movement when 'new' then closing_mrr else 0 end::decimal(18, 2) as new_mrr,
    case movement when 'reactivation' then closing_mrr else 0 end::decimal(18, 2) as reactivation_mrr,
    case movement when 'expansion' then closing_mrr - opening_mrr else 0 end::decimal(18, 2)
        as expansion_mrr,
    case movement when 'contraction' then opening_mrr - closing_mrr else 0 end::decimal(18, 2)
        as contraction_mrr,
    case movement when 'churn' then opening_mrr else 0 end::decimal(18, 2) as churned_mrr,
    closing_mrr,
    subscriptions_before,
    subscriptions_after,
    quantity_before,
    quantity_after,
    is_complete,
    month
from customer_months
inner join ids using (c)
inner join periods on period_grain = 'month' and month = period_start
where movement <> 'none';

create table churn.rpt_churn_reasons as
select
    churned.month,
    end_reason as reason,
    is_voluntary,
    count(*) as customers,
    sum(opening_mrr)::decimal(18, 2) as churned_mrr,
    count(*) filter (is_unmapped) as unmapped_customers,
    is_complete
from customer_months as churned
inner join (
    select *, date_trunc('month', ended_at)::date as month
    from ends
    qualify row_number() over (partition by c, month order by ended_at desc) = 1
) as last_ends on churned.c = last_ends.c and churned.month = last_ends.month
inner join periods on period_grain = 'month' and churned.month = period_start
where movement = 'churn'
group by all;

create table churn.rpt_mrr as
with of_groups as (
    select
        g,
        month,
        sum(opening_mrr) as opening_mrr,
        sum(closing_mrr) filter (movement = 'new') as new_mrr,
        sum(closing_mrr) filter (movement = 'reactivation') as reactivation_mrr,
        sum(closing_mrr - opening_mrr) filter (movement = 'expansion') as expansion_mrr,
        sum(opening_mrr - closing_mrr) filter (movement = 'contraction') as contraction_mrr,
        sum(opening_mrr) filter (movement = 'churn') as churned_mrr,
        sum(closing_mrr) as closing_mrr,
        sum(committed_mrr) as committed_mrr,
        sum(closing_mrr) filter (mrr_12_months_ago > 0) as kept_net,
        sum(least(mrr_12_months_ago, closing_mrr)) as kept_gross,
        count(*) filter (opening_mrr > 0) as customers_at_start,
        count(*) filter (closing_mrr > 0) as customers_at_end,
        count(*) filter (movement = 'new') as new_customers,
        count(*) filter (movement = 'reactivation') as reactivated_customers,
        count(*) filter (movement = 'churn') as churned_customers,
        count(*) filter (opening_mrr = 0 and closing_mrr = 0) as short_lived_customers
    from customer_months
    inner join group_of using (c)
    group by g, month
),
totals as (
    select s, month, sum(columns(* exclude (g, s, month, segment_name, segment_value)))
    from of_groups
    inner join segments using (g)
    group by s, month
),
every_month as (
    select
        firsts.s,
        period_start as month,
        is_complete,
        coalesce(columns(totals.* exclude (s, month)), 0)
    from (select s, min(month) as first_month from totals group by s) as firsts
    inner join periods on period_grain = 'month' and first_month <= period_start
    left join totals on firsts.s = totals.s and period_start = totals.month
),
with_year_ago as (
    select *, lag(closing_mrr, 12) over (partition by s order by month) as year_ago
    from every_month
)
select
    segment_name,
    segment_value,
    month,
    opening_mrr::decimal(18, 2) as opening_mrr,
    new_mrr::decimal(18, 2) as new_mrr,
    reactivation_mrr::decimal(18, 2) as reactivation_mrr,
    expansion_mrr::decimal(18, 2) as expansion_mrr,
    contraction_mrr::decimal(18, 2) as contraction_mrr,
    churned_mrr::decimal(18, 2) as churned_mrr,
    closing_mrr::decimal(18, 2) as closing_mrr,
    committed_mrr::decimal(18, 2) as committed_mrr,
    (closing_mrr * 12)::decimal(18, 2) as arr,
    customers_at_start::bigint as customers_at_start,
    customers_at_end::bigint as customers_at_end,
    new_customers::bigint as new_customers,
    reactivated_customers::bigint as reactivated_customers,
    churned_customers::bigint as churned_customers,
    short_lived_customers::bigint as short_lived_customers,
    0::bigint as merged_customers,
    cents(divide(closing_mrr, customers_at_end)) as arpa,
    divide(opening_mrr + expansion_mrr - contraction_mrr - churned_mrr, opening_mrr) as nrr,
    divide(opening_mrr - contraction_mrr - churned_mrr, opening_mrr) as grr,
    divide(kept_net, year_ago) as nrr_trailing_12m,
    divide(kept_gross, year_ago) as grr_trailing_12m,
    divide(new_mrr + reactivation_mrr + expansion_mrr, contraction_mrr + churned_mrr) as quick_ratio,
    divide(churned_customers, customers_at_start) as logo_churn_rate,
    wilson_low(churned_customers, customers_at_start) as logo_churn_ci_low,
    wilson_high(churned_customers, customers_at_start) as logo_churn_ci_high,
    divide(contraction_mrr + churned_mrr, opening_mrr) as revenue_churn_rate,
    divide(contraction_mrr + churned_mrr - expansion_mrr, opening_mrr) as net_revenue_churn_rate,
    is_complete,
    false as is_left_truncated
from with_year_ago
inner join segment_names using (s);

-- Runs: stretches in which a customer is active, as buyer or as subscriber. For the basis "any",
-- only customers who do both need a merge. All other runs count for "any" unchanged.
create temp table runs as
with both_kinds as (
    select distinct c
    from spells
    where c in (select c from buyers)
),
order_runs as (
    select
        c,
        order_date as started_on,
        coalesce(
            lead(previous_date) over (partition by c order by order_date),
            buyers.last_date
        ) + 90 as active_to
    from orders
    inner join buyers using (c)
    where previous_date is null or order_date - previous_date > 90
),
spell_runs as (
    select c, started_on, coalesce(ended_on, date '9999-12-31') as active_to
    from spells
),
mixed as (
    select *, max(active_to) over (
        partition by c order by started_on, active_to
        rows between unbounded preceding and 1 preceding
    ) as active_before_to
    from (
        select * from order_runs where c in (from both_kinds)
        union all
        select * from spell_runs where c in (from both_kinds)
    )
),
mixed_numbered as (
    select *, count(*) filter (active_before_to is null or started_on > active_before_to) over (
        partition by c order by started_on, active_to
        rows between unbounded preceding and current row
    ) as run_number
    from mixed
),
all_runs as (
    select
        case when c in (from both_kinds) then ['orders'] else ['orders', 'any'] end as bases, *,
        row_number() over (partition by c order by started_on) as run_number
    from order_runs
    union all
    select
        case when c in (from both_kinds) then ['subscriptions'] else ['subscriptions', 'any'] end, *,
        row_number() over (partition by c order by started_on)
    from spell_runs
    union all
    select ['any'], c, min(started_on), max(active_to), run_number
    from mixed_numbered
    group by c, run_number
)
select
    bases, c, started_on, run_number,
    case when active_to < getvariable('as_of') then active_to end as ended_on
from all_runs;

create table churn.rpt_retention_rates as
with days_of_grains as (
    pivot days on period_grain in ('week', 'month', 'quarter', 'year')
    using first(period_start) as s, first(state_date) as e
    group by date_day
),
neighbours as (
    select
        *,
        lag(ended_on) over (partition by bases, c order by run_number) as previous_ended_on,
        lead(started_on) over (partition by bases, c order by run_number) as next_started_on
    from runs
),
-- the latest run that began a period in which its customer had not been
entered as (
    select
        neighbours.*,
        min(started_on) over w as first_started_on,
        max(started_on) filter (coalesce(previous_ended_on < week_s, true)) over w as week_in,
        max(started_on) filter (coalesce(previous_ended_on < month_s, true)) over w as month_in,
        max(started_on) filter (coalesce(previous_ended_on < quarter_s, true)) over w as quarter_in,
        max(started_on) filter (coalesce(previous_ended_on < year_s, true)) over w as year_in
    from neighbours
    inner join days_of_grains on started_on = date_day
    window w as (partition by bases, c order by run_number rows unbounded preceding)
),
by_day as (
    select
        g,
        bases,
        started_on as day,
        count(*) as starts,
        0 as ends,
        count(*) filter (week_in = started_on and run_number = 1) as week_new,
        count(*) filter (week_in = started_on and run_number > 1) as week_returning,
        0 as week_lost,
        0 as week_newcomers,
        count(*) filter (month_in = started_on and run_number = 1) as month_new,
        count(*) filter (month_in = started_on and run_number > 1) as month_returning,
        0 as month_lost,
        0 as month_newcomers,
        count(*) filter (quarter_in = started_on and run_number = 1) as quarter_new,
        count(*) filter (quarter_in = started_on and run_number > 1) as quarter_returning,
        0 as quarter_lost,
        0 as quarter_newcomers,
        count(*) filter (year_in = started_on and run_number = 1) as year_new,
        count(*) filter (year_in = started_on and run_number > 1) as year_returning,
        0 as year_lost,
        0 as year_newcomers
    from entered
    inner join group_of using (c)
    group by all
    union all
    select
        g,
        bases,
        ended_on,
        0,
        count(*),
        -count(*) filter (coalesce(next_started_on >= week_e, true) and week_in >= week_s and week_in = first_started_on),
        -count(*) filter (coalesce(next_started_on >= week_e, true) and week_in >= week_s and week_in > first_started_on),
        count(*) filter (coalesce(next_started_on >= week_e, true) and week_in < week_s),
        count(*) filter (coalesce(next_started_on >= week_e, true) and week_in >= week_s),
        -count(*) filter (coalesce(next_started_on >= month_e, true) and month_in >= month_s and month_in = first_started_on),
        -count(*) filter (coalesce(next_started_on >= month_e, true) and month_in >= month_s and month_in > first_started_on),
        count(*) filter (coalesce(next_started_on >= month_e, true) and month_in < month_s),
        count(*) filter (coalesce(next_started_on >= month_e, true) and month_in >= month_s),
        -count(*) filter (coalesce(next_started_on >= quarter_e, true) and quarter_in >= quarter_s and quarter_in = first_started_on),
        -count(*) filter (coalesce(next_started_on >= quarter_e, true) and quarter_in >= quarter_s and quarter_in > first_started_on),
        count(*) filter (coalesce(next_started_on >= quarter_e, true) and quarter_in < quarter_s),
        count(*) filter (coalesce(next_started_on >= quarter_e, true) and quarter_in >= quarter_s),
        -count(*) filter (coalesce(next_started_on >= year_e, true) and year_in >= year_s and year_in = first_started_on),
        -count(*) filter (coalesce(next_started_on >= year_e, true) and year_in >= year_s and year_in > first_started_on),
        count(*) filter (coalesce(next_started_on >= year_e, true) and year_in < year_s),
        count(*) filter (coalesce(next_started_on >= year_e, true) and year_in >= year_s)
    from entered
    inner join days_of_grains on ended_on = date_day
    inner join group_of using (c)
    group by all
),
of_groups as (
    select
        g,
        bases,
        period_grain,
        period_number,
        sum(case period_grain when 'week' then week_new when 'month' then month_new when 'quarter' then quarter_new else year_new end) as new_customers,
        sum(case period_grain when 'week' then week_returning when 'month' then month_returning when 'quarter' then quarter_returning else year_returning end) as returning_customers,
        sum(case period_grain when 'week' then week_lost when 'month' then month_lost when 'quarter' then quarter_lost else year_lost end) as lost_customers,
        sum(case period_grain when 'week' then week_newcomers when 'month' then month_newcomers when 'quarter' then quarter_newcomers else year_newcomers end) as lost_newcomers,
        sum(ends) as churn_events,
        sum(starts * (state_date - day) - ends * (state_date - day - 1)) as days_at_risk
    from by_day
    inner join days on day = date_day
    group by all
),
totals as (
    select
        s,
        basis,
        period_grain,
        period_number,
        sum(columns(* exclude (g, s, basis, period_grain, period_number)))
    from (select * exclude (bases), unnest(bases) as basis from of_groups)
    inner join (select g, s from segments) using (g)
    group by all
),
every_period as (
    select
        firsts.s,
        firsts.basis,
        periods.period_grain,
        periods.period_number,
        periods.period_start,
        periods.state_date,
        periods.is_complete,
        coalesce(columns(totals.* exclude (s, basis, period_grain, period_number)), 0)
    from (
        select s, basis, period_grain, min(period_number) as first_number
        from totals
        group by all
    ) as firsts
    inner join periods
        on firsts.period_grain = periods.period_grain and first_number <= periods.period_number
    left join totals
        on
            firsts.s = totals.s
            and firsts.basis = totals.basis
            and periods.period_grain = totals.period_grain
            and periods.period_number = totals.period_number
),
with_end as (
    select
        *,
        sum(new_customers + returning_customers - lost_customers) over (
            partition by s, basis, period_grain
            order by period_number
            rows between unbounded preceding and current row
        )::bigint as at_end
    from every_period
),
with_start as (
    select
        *,
        at_end - new_customers - returning_customers + lost_customers as at_start,
        at_start * (state_date - period_start) + days_at_risk as at_risk,
        divide(churn_events, at_risk) as daily,
        1 - power(1 - daily, 30.4375) as monthly,
        coalesce(
            basis <> 'subscriptions' and period_start < (select min(first_date) from buyers) + 90, false
        ) as is_left_truncated
    from with_end
)
select
    segment_name,
    segment_value,
    basis,
    period_grain,
    period_start,
    at_start::bigint as customers_at_start,
    new_customers::bigint as new_customers,
    returning_customers::bigint as returning_customers,
    lost_customers::bigint as lost_customers,
    lost_newcomers::bigint as lost_newcomers,
    0::bigint as merged_customers,
    at_end as customers_at_end,
    divide(at_start - lost_customers, at_start) as retention_rate,
    wilson_low(at_start - lost_customers, at_start) as retention_ci_low,
    wilson_high(at_start - lost_customers, at_start) as retention_ci_high,
    divide(lost_customers, at_start) as churn_rate,
    divide(2 * lost_customers, at_start + at_end) as churn_rate_average_base,
    divide(
        lost_customers + lost_newcomers,
        at_start + new_customers + returning_customers + lost_newcomers
    ) as churn_rate_everyone_served,
    churn_events::bigint as churn_events,
    at_risk::bigint as customer_days_at_risk,
    daily as daily_churn_probability,
    wilson_low(churn_events, at_risk) as daily_churn_ci_low,
    wilson_high(churn_events, at_risk) as daily_churn_ci_high,
    monthly as monthly_equivalent_churn_rate,
    1 - power(1 - wilson_low(churn_events, at_risk), 30.4375) as monthly_equivalent_ci_low,
    1 - power(1 - wilson_high(churn_events, at_risk), 30.4375) as monthly_equivalent_ci_high,
    case
        when is_left_truncated then null
        when monthly < 0.05 then 'healthy' when monthly <= 0.1 then 'watch' when monthly > 0.1 then 'high'
    end as churn_band,
    is_complete,
    is_left_truncated
from with_start
inner join segment_names using (s);

create table churn.rpt_subscription_survival as
with seen as (
    select
        c,
        started_on,
        ended_on is not null as is_event,
        coalesce(ended_on, getvariable('as_of') - 1) as until,
        date_diff('month', started_on, until) as months
    from spells
),
observed as (
    select
        s,
        time_unit,
        case
            when time_unit = 'day' then until - started_on
            when is_event and started_on + to_months(months::int) < until then months + 1
            when not is_event and started_on + to_months(months::int) > until then months - 1
            else months
        end as duration,
        count(*) filter (is_event) as events,
        count(*) filter (not is_event) as censored
    from seen
    inner join group_of using (c)
    inner join segments using (g)
    cross join (values ('day'), ('month')) as units (time_unit)
    group by all
),
every_duration as (
    select
        curves.s,
        curves.time_unit,
        curves.longest,
        curves.common,
        tick as duration,
        coalesce(events, 0) as events,
        coalesce(censored, 0) as censored,
        spells - coalesce(
            sum(events + censored) over (
                partition by curves.s, curves.time_unit
                order by tick
                rows between unbounded preceding and 1 preceding
            ),
            0
        )::bigint as at_risk
    from (
        select
            s, time_unit, max(duration) as longest, sum(events + censored)::bigint as spells,
            min(max(duration)) over (partition by time_unit) as common,
            unnest(generate_series(max(duration))) as tick
        from observed
        group by s, time_unit
    ) as curves
    left join observed
        on curves.s = observed.s and curves.time_unit = observed.time_unit and tick = observed.duration
),
summed as (
    select
        *,
        sum(
            case when events < at_risk then ln(1 - events::double / at_risk) end::decimal(38, 20)
        ) over w as log_survival,
        sum(divide(events, at_risk::double * (at_risk - events))::decimal(38, 20)) over w as greenwood
    from every_duration
    window w as (partition by s, time_unit order by duration)
),
survived as (
    select
        *,
        case when events = at_risk then 0 else exp(log_survival::double) end as survival,
        case when log_survival < 0 then log_survival::double end as log_inside,
        case when events < at_risk then sqrt(greenwood::double) end as error
    from summed
)
select
    segment_name,
    segment_value,
    time_unit,
    duration::bigint as duration,
    at_risk,
    events,
    censored,
    survival,
    survival * error as std_error,
    exp(log_inside * exp(-1.959963984540054 * error / log_inside)) as ci_low,
    exp(log_inside * exp(1.959963984540054 * error / log_inside)) as ci_high,
    divide(events, at_risk) as hazard,
    min(case when round(survival, 12) <= 0.5 then duration end) over a_curve as median_duration,
    coalesce(
        sum(case when duration < longest then survival::decimal(38, 20) end) over a_curve, 0
    )::double as restricted_mean_duration,
    longest::bigint as restricted_mean_until,
    coalesce(
        sum(case when duration < common then survival::decimal(38, 20) end) over a_curve, 0
    )::double as restricted_mean_common,
    common::bigint as common_until
from survived
inner join segment_names using (s)
window a_curve as (partition by s, time_unit);

create table churn.rpt_trials as
with trials as (
    select
        c,
        subscription_id,
        min(in_force_from) filter (is_trial) as started_at,
        bool_or(
            coalesce(in_force_to >= getvariable('as_of_at'), true)
            and coalesce(trial_ends_at >= getvariable('as_of_at'), true)
        ) filter (is_trial) as is_running,
        max(pays_from) filter (is_paying) as last_pays_from
    from versions
    group by c, subscription_id
    having bool_or(is_trial)
),
totals as (
    select
        s,
        date_trunc('month', started_at)::date as month,
        count(*) as started,
        count(*) filter (last_pays_from > started_at) as converted,
        count(*) filter (is_running and not coalesce(last_pays_from > started_at, false)) as running
    from trials
    inner join group_of using (c)
    inner join segments using (g)
    group by all
)
select
    segment_name,
    segment_value,
    month,
    started as trials_started,
    converted as trials_converted,
    running as trials_running,
    divide(converted, started) as conversion_rate,
    wilson_low(converted, started) as conversion_ci_low,
    wilson_high(converted, started) as conversion_ci_high,
    is_complete and running = 0 as is_complete
from totals
inner join segment_names using (s)
inner join periods on period_grain = 'month' and month = period_start;
