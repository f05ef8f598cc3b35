-- Customers, segments and fact tables.

create schema core;

create table core.dim_dates as
select
    day::date as date_day,
    date_trunc('week', day)::date as week_start,
    date_trunc('month', day)::date as month_start,
    date_trunc('quarter', day)::date as quarter_start,
    date_trunc('year', day)::date as year_start,
    isodow(day)::bigint as day_of_week,
    date_trunc('week', day) + interval 7 day <= getvariable('as_of') as is_week_complete,
    date_trunc('month', day) + interval 1 month <= getvariable('as_of') as is_month_complete,
    date_trunc('quarter', day) + interval 3 month <= getvariable('as_of') as is_quarter_complete,
    date_trunc('year', day) + interval 1 year <= getvariable('as_of') as is_year_complete
from generate_series(
    least(
        (select min(order_date) from orders),
        (select min(least(pays_from, case when is_trial then in_force_from end))::date
        from versions where is_paying or is_trial),
        (select min(spend_date) from spend)
    ),
    getvariable('as_of') - 1,
    interval 1 day
) as days (day);

create temp table periods as
select
    *,
    row_number() over (partition by period_grain order by period_start) as period_number,
    period_end <= getvariable('as_of') as is_complete,
    least(period_end, getvariable('as_of')) as state_date
from (
    select distinct
        period_grain,
        date_trunc(period_grain, date_day)::date as period_start,
        (date_trunc(period_grain, date_day) + length_)::date as period_end
    from core.dim_dates
    cross join (
        values
        ('week', interval 7 day),
        ('month', interval 1 month),
        ('quarter', interval 3 month),
        ('year', interval 1 year)
    ) as grains (period_grain, length_)
);

create temp table days as
select date_day, period_grain, period_number, period_start, state_date
from core.dim_dates
inner join periods on date_day >= period_start and date_day < period_end;

-- figures of each buyer for all reports; names with _h: known before the holdout of 90 days
create temp table buyers as
with bought as (
    select
        c,
        min(order_date) as first_date,
        max(order_date) as last_date,
        min(order_date) filter (order_date > previous_date) as second_date,
        max(amount) filter (order_number = 1) as first_amount,
        count(*) as orders,
        sum(amount) as amount,
        count(*) filter (order_date > previous_date) as frequency,
        count(*) filter (order_date > previous_date and order_date < h) as frequency_h,
        count(*) filter (order_date > previous_date and order_date >= h - 90 and order_date < h)
            as recent_h,
        count(*) filter (previous_date is distinct from order_date and order_date >= h) as later,
        max(order_date) filter (order_date < h) as last_date_h,
        sum(amount) filter (order_date > first_date) as repeat_amount,
        sum(amount) filter (order_date > first_date and order_date < h) as repeat_amount_h
    from orders
    cross join (select getvariable('as_of') - 90 as h)
    where c is not null
    group by c
),
refunded as (
    select c, sum(amount) as refunded_amount
    from refunds
    where c is not null
    group by c
)
select
    bought.*,
    amount - coalesce(refunded_amount, 0) as net_revenue
from bought
left join refunded using (c);

create temp table subscribers as
select
    c,
    arg_min(plan_id, (pays_from, subscription_id, valid_from)) as first_plan_id,
    arg_min(billing_interval, (pays_from, subscription_id, valid_from)) as first_billing_interval,
    coalesce(sum(mrr) filter (pays_to is null or pays_to >= getvariable('as_of_at')), 0)
        as current_mrr
from paying
group by c;

create temp table recurring as
select
    c,
    sum(closing_mrr) filter (is_complete) as recurring_revenue,
    sum(committed_mrr) filter (month = (select max(month) from customer_months)) as committed_mrr
from customer_months
inner join periods on period_grain = 'month' and month = period_start
group by c;

create temp table customers as
with spell_totals as (
    select c, min(started_on) as first_paid_on, bool_or(ended_on is null) as has_running_spell
    from spells
    group by c
)
select
    ids.c,
    ids.customer_id,
    referred_by_customer_id,
    coalesce(acquisition_channel, '(none)') as acquisition_channel,
    coalesce(country, '(none)') as country,
    coalesce(first_plan_id, '(none)') as first_plan_id,
    coalesce(first_billing_interval, '(none)') as first_billing_interval,
    case
        when first_amount is null then '(none)'
        when first_amount < 20 then 'under 20'
        when first_amount < 40 then '20 to 40'
        when first_amount < 80 then '40 to 80'
        else '80 and more'
    end as first_order_value_band,
    coalesce(orders, 0)::bigint as lifetime_orders,
    coalesce(net_revenue, 0)::decimal(18, 2) as lifetime_net_revenue,
    coalesce(recurring_revenue, 0)::decimal(18, 2) as lifetime_recurring_revenue,
    coalesce(current_mrr, 0)::decimal(18, 2) as current_mrr,
    coalesce(last_date + 90 >= getvariable('as_of'), false) as is_active_orders,
    coalesce(has_running_spell, false) as is_active_subscriptions,
    signed_up_on,
    least(first_date, first_paid_on) as acquired_on,
    first_date as first_order_date,
    last_date as last_order_date,
    first_paid_on
from ids
left join raw_customers on ids.customer_id = raw_customers.customer_id
left join buyers on ids.c = buyers.c
left join subscribers on ids.c = subscribers.c
left join spell_totals on ids.c = spell_totals.c
left join recurring on ids.c = recurring.c;

create table core.dim_customers as
with referral_totals as (
    select
        referred_by_customer_id as referrer_id,
        count(*) as referred_customers,
        sum(lifetime_net_revenue) as referred_net_revenue
    from customers
    where referred_by_customer_id is not null
    group by referred_by_customer_id
)
select
    customer_id, referred_by_customer_id, acquisition_channel, country, first_plan_id,
    first_billing_interval, first_order_value_band,
    case
        when acquired_on is null then 'prospect'
        when is_active_orders or is_active_subscriptions then 'active'
        else 'lost'
    end as status,
    lifetime_orders, lifetime_net_revenue, lifetime_recurring_revenue, current_mrr,
    coalesce(referred_customers, 0)::bigint as referred_customers,
    coalesce(referred_net_revenue, 0)::decimal(18, 2) as referred_net_revenue, is_active_orders,
    is_active_subscriptions, getvariable('as_of') - acquired_on - 1 as tenure_days, signed_up_on,
    acquired_on, first_order_date, last_order_date, first_paid_on
from customers
left join referral_totals on customers.customer_id = referral_totals.referrer_id;

-- Customers with the same attributes are one group (g). Each group has one value in each segment,
-- so reports count groups first, and segments (s) afterwards, which are far fewer rows.
create temp table groups as
select
    row_number() over ()::smallint as g,
    acquisition_channel, country, first_plan_id, first_billing_interval, first_order_value_band
from customers
group by all;

create temp table group_of as
select c, g, groups.acquisition_channel
from customers
inner join groups using (
    acquisition_channel, country, first_plan_id, first_billing_interval, first_order_value_band
);

create temp table segments as
with named as (
    select
        g,
        unnest(['all', 'acquisition_channel', 'country', 'first_plan_id', 'first_billing_interval',
            'first_order_value_band']) as segment_name,
        unnest(['all', acquisition_channel, country, first_plan_id, first_billing_interval,
            first_order_value_band]) as segment_value
    from groups
)
select g, segment_name, segment_value, dense_rank() over (order by segment_name, segment_value)::smallint as s
from named;

create temp table segment_names as
select distinct s, segment_name, segment_value from segments;

create table core.fct_orders as
with refunded as (
    select order_id, sum(amount) as refunded_amount
    from refunds
    group by order_id
)
select
    order_id,
    customer_id,
    null::varchar as subscription_id,
    status,
    channel,
    original_currency,
    case when c is not null then order_number end as order_number,
    case when c is not null then order_date - previous_date end as days_since_previous_order,
    amount,
    coalesce(refunded_amount, 0)::decimal(18, 2) as refunded_amount,
    (amount - coalesce(refunded_amount, 0))::decimal(18, 2) as net_amount,
    discount_amount,
    tax_amount,
    shipping_amount,
    original_amount,
    exchange_rate,
    ordered_at,
    order_date
from orders
left join refunded using (order_id);

create table core.fct_subscription_spells as
select
    customer_id || '-' || spell_number as spell_id,
    customer_id,
    case when ended_on is not null then end_reason end as end_reason,
    spell_number,
    start_mrr::decimal(18, 2) as start_mrr,
    end_mrr::decimal(18, 2) as end_mrr,
    case when ended_on is not null then is_voluntary end as is_voluntary,
    started_on,
    ended_on
from spells
inner join ids using (c);

create table core.fct_customer_months as
with facts as (
    select c, date_trunc('month', order_date)::date as month, 1 as orders, amount, order_date, 0 as mrr
    from orders
    where c is not null
    union all
    select c, date_trunc('month', refund_date)::date, 0, -amount, null, 0
    from refunds
    where c is not null
    union all
    select c, month, 0, 0, null, closing_mrr
    from customer_months
    where opening_mrr > 0 or closing_mrr > 0
),
months as (
    select
        c,
        month,
        sum(orders) as orders,
        sum(amount) as net_revenue,
        sum(mrr) as mrr,
        max(max(order_date)) over (
            partition by c order by month rows between unbounded preceding and current row
        ) as last_purchase_date
    from facts
    group by c, month
)
select
    customer_id,
    orders::bigint as orders,
    net_revenue::decimal(18, 2) as net_revenue,
    mrr::decimal(18, 2) as mrr,
    coalesce(last_purchase_date + 90 >= state_date, false) as is_active_orders,
    exists (
        from spells
        where
            spells.c = months.c
            and spells.started_on < state_date
            and (spells.ended_on is null or spells.ended_on >= state_date)
    ) as is_active_subscriptions,
    is_complete,
    month
from months
inner join periods on period_grain = 'month' and month = period_start
inner join ids using (c);
