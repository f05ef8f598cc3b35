-- Customer value, from the tables of the fits.

create schema clv;

create table clv.rpt_clv_parameters as
select
    trained_on, model, billing_interval, parameter, value, log_likelihood, customers, converged, reason,
    getvariable('as_of') - 1 - case trained_on when 'calibration' then 90 else 0 end as fitted_through
from int_clv_models_fitted;

create temp table forecasts as
select model, c, later_purchases as actual, p_alive, expected_in_holdout as predicted
from int_purchases_aggregated_to_histories as histories
inner join int_histories_scored as scores using (trained_on, frequency, recency_days, age_days)
where trained_on = 'calibration';

create table clv.rpt_clv_calibration as
with totals as (
    select
        model,
        count(*) as customers,
        sum(actual) as actual,
        sum(predicted) as predicted,
        sum(abs(predicted - actual)) as absolute_errors,
        sum((predicted - actual) ** 2) as squared_errors
    from (
        select model, actual, predicted from forecasts
        union all
        select 'naive', later_purchases, recent_purchases::double
        from int_purchases_aggregated_to_histories
        where trained_on = 'calibration'
    )
    group by model
)
select
    models.model,
    90::bigint as horizon_days,
    coalesce(totals.customers, 0) as customers,
    actual::bigint as actual_purchases,
    predicted as predicted_purchases,
    divide(absolute_errors, totals.customers) as mae,
    sqrt(divide(squared_errors, totals.customers)) as rmse,
    divide(predicted - actual, totals.customers) as bias,
    row_number() over (
        order by
            models.model = 'naive', coalesce(is_fitted, false) desc, mae nulls last, preference
    ) = 1 and coalesce(is_fitted, false) as is_champion
from (values ('bg_nbd', 2), ('mbg_nbd', 1), ('naive', 3)) as models (model, preference)
left join totals using (model)
left join (
    select model, bool_and(converged) as is_fitted from int_clv_models_fitted group by model
) as fitted using (model);

create table clv.rpt_clv_deciles as
with ranked as (
    select *, ntile(10) over (partition by model order by p_alive, md5(customer_id)) as decile
    from forecasts
    inner join ids using (c)
)
select
    model,
    decile,
    count(*) as customers,
    sum(p_alive) / count(*) as mean_p_alive,
    sum(predicted) as predicted_purchases,
    sum(actual)::bigint as actual_purchases,
    count(*) filter (actual > 0) as buyers,
    divide(count(*) filter (actual > 0), count(*)) as buyer_rate,
    wilson_low(count(*) filter (actual > 0), count(*)) as buyer_ci_low,
    wilson_high(count(*) filter (actual > 0), count(*)) as buyer_ci_high,
    coalesce(bool_or(is_champion), false) as is_champion
from ranked
left join (select model, is_champion from clv.rpt_clv_calibration where is_champion) using (model)
group by model, decile;

create temp table valued as
with champion as (
    select model, max('purchases are not predicted (' || model || '): ' || reason) as reason
    from int_clv_models_fitted
    where trained_on = 'all_data' and model in (select model from clv.rpt_clv_calibration where is_champion)
    group by model
),
spending as (
    select
        max(value) filter (parameter = 'p') as p,
        max(value) filter (parameter = 'q') as q,
        max(value) filter (parameter = 'v') as v,
        max(value) filter (parameter = 'mean') as mean,
        max(value) filter (parameter = 'own_share') as own_share,
        max('values of orders are not predicted (gamma_gamma): ' || reason) as reason
    from int_clv_models_fitted
    where trained_on = 'all_data' and model = 'gamma_gamma'
),
bought as (
    select
        c,
        case when p_alive is not null then champion.model end as model,
        frequency, recency_days, age_days, p_alive,
        expected_orders_30d, expected_orders_90d, expected_orders_365d, discounted_orders,
        case
            when own_share = 1 and frequency > 0 then greatest(mean_repeat_value, 0)
            when mean is not null then mean
            when p * frequency + q > 1
                then
                    p * (v + frequency * greatest(coalesce(mean_repeat_value, 0), 0))
                    / (p * frequency + q - 1)
        end as order_value,
        coalesce(
            champion.reason,
            spending.reason,
            'values of orders are not predicted (gamma_gamma): they differ so widely that after so'
            || ' few purchases no mean is finite. Check the largest amounts, or wait for more data'
        ) as reason
    from int_purchases_aggregated_to_histories as histories
    cross join champion
    cross join spending
    left join (
        from int_histories_scored
        where trained_on = 'all_data' and model = (select model from champion)
    ) as scores using (frequency, recency_days, age_days)
    where histories.trained_on = 'all_data'
),
subscribed as (
    select
        c,
        coalesce(
            max(months_per_interval * discounted_intervals) filter (billing_interval <> 'all'),
            max(discounted_intervals) filter (billing_interval = 'all')
        ) as months,
        max('renewals are not predicted (shifted_beta_geometric): ' || reason) as reason
    from int_spells_counted_in_intervals
    left join int_renewals_scored using (billing_interval, renewals)
    where not is_ended
    group by c
),
priced as (
    select
        coalesce(bought.c, subscribed.c) as c,
        bought.* exclude (c, reason),
        bought.c is not null as is_buyer,
        subscribed.c is not null as is_subscriber,
        bought.reason as order_reason,
        subscribed.reason as subscription_reason,
        cents(discounted_orders * order_value * 0.7) as predicted_order_value,
        cents(months * coalesce(committed_mrr, 0) * 0.7) as predicted_subscription_value
    from bought
    full join subscribed on bought.c = subscribed.c
    left join recurring on subscribed.c = recurring.c
)
select
    *,
    case
        when
            (not is_buyer or predicted_order_value is not null)
            and (not is_subscriber or predicted_subscription_value is not null)
            then coalesce(predicted_order_value, 0) + coalesce(predicted_subscription_value, 0)
    end as predicted_clv
from priced;

create temp table worth as
select
    customers.*,
    coalesce(recurring_revenue, 0) as recurring_revenue,
    valued.c is not null as has_value,
    valued.* exclude (c, is_subscriber)
from customers
left join valued using (c)
left join recurring using (c)
where acquired_on is not null;

create table clv.fct_customer_value as
select
    customer_id,
    model,
    case
        when is_buyer and predicted_order_value is null then order_reason
        when subscription_reason is not null and predicted_subscription_value is null
            then subscription_reason
    end as unscored_reason,
    frequency,
    recency_days::bigint as recency_days,
    age_days::bigint as age_days,
    p_alive,
    expected_orders_30d,
    expected_orders_90d,
    expected_orders_365d,
    cents(order_value) as expected_order_value,
    lifetime_net_revenue as historic_net_revenue,
    (lifetime_net_revenue * 0.7)::decimal(18, 2) as historic_margin,
    recurring_revenue::decimal(18, 2) as historic_recurring_revenue,
    predicted_order_value,
    predicted_subscription_value,
    case when has_value then predicted_clv else 0 end as predicted_clv,
    acquired_on,
    first_order_date,
    getvariable('as_of') as as_of
from worth;

create table clv.rpt_clv_by_cohort as
with cohorts as (
    select
        s,
        period_grain,
        period_number,
        sum(customers)::bigint as customers,
        sum(net_revenue) as net_revenue,
        sum(recurring_revenue) as recurring_revenue,
        sum(predicted_clv) as predicted_clv,
        sum(unscored)::bigint as unscored
    from (
        select
            g,
            acquired_on,
            count(*) as customers,
            sum(lifetime_net_revenue) as net_revenue,
            sum(recurring_revenue) as recurring_revenue,
            sum(predicted_clv) as predicted_clv,
            count(*) filter (has_value and predicted_clv is null) as unscored
        from worth
        inner join group_of using (c)
        group by g, acquired_on
    )
    inner join days on acquired_on = date_day
    inner join segments using (g)
    group by all
),
spent as (
    select s, period_grain, period_number, sum(amount) as spend
    from spend
    inner join days on spend_date = date_day
    inner join segment_names
        on
            segment_name = 'all'
            or segment_name = 'acquisition_channel' and segment_value = channel
    group by all
),
revenues as (
    select s, period_grain, period_number, period_start, month, sum(revenue) as revenue
    from (
        select g, acquired_on, month, sum(revenue) as revenue
        from (
            select c, date_trunc('month', order_date)::date as month, amount as revenue
            from orders
            where c is not null
            union all
            select c, date_trunc('month', refund_date)::date, -amount
            from refunds
            where c is not null
            union all
            select c, month, closing_mrr
            from customer_months
            inner join periods on period_grain = 'month' and month = period_start
            where is_complete
        )
        inner join worth using (c)
        inner join group_of using (c)
        group by all
    )
    inner join days on acquired_on = date_day
    inner join segments using (g)
    where segment_name in ('all', 'acquisition_channel')
    group by all
),
paybacks as (
    select
        s,
        period_grain,
        period_number,
        greatest(min(date_diff('month', period_start, month)) + 1, 1) as payback_months
    from (
        select
            *,
            sum(revenue) over (
                partition by s, period_grain, period_number order by greatest(month, period_start)
            ) as so_far
        from revenues
    )
    inner join spent using (s, period_grain, period_number)
    where so_far * 0.7 >= spend
    group by all
),
joined as (
    select
        s,
        period_grain,
        period_number,
        coalesce(customers, 0) as customers,
        coalesce(net_revenue, 0) as net_revenue,
        coalesce(recurring_revenue, 0) as recurring_revenue,
        case when coalesce(unscored, 0) = 0 then coalesce(predicted_clv, 0) end as predicted_clv,
        coalesce(unscored, 0) as unscored,
        spend,
        (coalesce(net_revenue, 0) + coalesce(cohorts.recurring_revenue, 0)) * 0.7
        + case when coalesce(unscored, 0) = 0 then coalesce(cohorts.predicted_clv, 0) end as lifetime_value
    from cohorts
    full join spent using (s, period_grain, period_number)
)
select
    segment_name,
    segment_value,
    period_grain,
    period_start as cohort_start,
    customers,
    unscored as unscored_customers,
    net_revenue::decimal(18, 2) as historic_net_revenue,
    recurring_revenue::decimal(18, 2) as historic_recurring_revenue,
    predicted_clv::decimal(18, 2) as predicted_clv,
    cents(divide(lifetime_value, customers)) as clv_per_customer,
    spend::decimal(18, 2) as marketing_spend,
    cents(divide(spend, customers)) as cac,
    case when customers > 0 and spend > 0 then divide(lifetime_value, spend) end as clv_to_cac,
    case when customers > 0 and spend <= 0 then 1 else payback_months end as payback_months,
    is_complete
from joined
inner join segment_names using (s)
inner join periods using (period_grain, period_number)
left join paybacks using (s, period_grain, period_number);

create table clv.rpt_retention_value as
with last_year as (
    select
        c,
        count(*) filter (opening_mrr > 0) as at_risk,
        count(*) filter (movement = 'churn') as churns
    from customer_months
    inner join periods on period_grain = 'month' and month = period_start
    where is_complete and month >= date_trunc('month', getvariable('as_of')) - interval 12 month
    group by c
),
totals as (
    select
        s,
        sum(current_mrr) as mrr,
        count(*) filter (current_mrr > 0) as subscribers,
        coalesce(sum(last_year.churns), 0)::bigint as churns,
        coalesce(sum(at_risk), 0)::bigint as months_at_risk,
        divide(coalesce(sum(last_year.churns), 0), coalesce(sum(at_risk), 0)) as churn_today
    from customers
    inner join group_of using (c)
    inner join segments using (g)
    left join last_year using (c)
    group by s
),
valued as (
    select
        *,
        churn_today - points as churn,
        case when churn >= 1.0 / 600 then mrr * (1 + price) * 0.7 / churn end as lifetime_value,
        case
            when churn > 0 then (1 - churn) * (1 - power(1 - churn, 12)) / churn
            when churn = 0 then 12
        end as months_paid
    from totals
    cross join (
        values
        ('today', 0, 0),
        ('retention +1 point', 0.01, 0),
        ('retention +5 points', 0.05, 0),
        ('price +1 %', 0, 0.01),
        ('price +10 %', 0, 0.1)
    ) as scenarios (scenario, points, price)
    where subscribers > 0
)
select
    segment_name,
    segment_value,
    scenario,
    mrr::decimal(18, 2) as mrr,
    subscribers,
    churns,
    months_at_risk,
    case when churn >= 0 then churn end as monthly_churn_rate,
    wilson_low(churns, months_at_risk) as churn_ci_low,
    wilson_high(churns, months_at_risk) as churn_ci_high,
    cents(lifetime_value) as lifetime_value,
    cents(lifetime_value - max(lifetime_value) filter (scenario = 'today') over (partition by s))
        as change_in_lifetime_value,
    cents(
        case
            when points = 0 then 12 * mrr * price
            else mrr * (months_paid - max(months_paid) filter (scenario = 'today') over (partition by s))
        end
    ) as change_in_yearly_revenue
from valued
inner join segment_names using (s);
