-- The input of the fits. The tables have the names that the Python models read.

create temp table int_purchases_aggregated_to_histories as
with refunded as (
    select
        refunds.c,
        sum(refunds.amount) as amount,
        sum(refunds.amount) filter (refund_date < getvariable('as_of') - 90) as amount_h
    from refunds
    inner join buyers on refunds.c = buyers.c and refunds.order_date > buyers.first_date
    group by refunds.c
),
histories as (
    select
        'all_data' as trained_on, c, frequency, last_date - first_date as recency_days,
        getvariable('as_of') - first_date - 1 as age_days,
        divide(repeat_amount - coalesce(refunded.amount, 0), frequency) as mean_repeat_value,
        null as recent_purchases, null as later_purchases
    from buyers
    left join refunded using (c)
    union all
    select
        'calibration', c, frequency_h, last_date_h - first_date,
        getvariable('as_of') - 90 - first_date - 1,
        divide(repeat_amount_h - coalesce(refunded.amount_h, 0), frequency_h),
        recent_h, later
    from buyers
    left join refunded using (c)
    where last_date_h is not null
)
select * from histories;

create temp table int_purchases_aggregated_to_prices as
select
    trained_on,
    count(*) as orders,
    sum(amount) - coalesce(any_value(refunded), 0) as net_revenue,
    min(amount) as lowest_price,
    max(amount) as highest_price
from (values ('all_data', 0), ('calibration', 90)) as data (trained_on, holdout_days)
inner join orders on orders.c is not null and order_date < getvariable('as_of') - holdout_days
left join (
    select trained_on, sum(amount) as refunded
    from (values ('all_data', 0), ('calibration', 90)) as data (trained_on, holdout_days)
    inner join refunds on refunds.c is not null and refund_date < getvariable('as_of') - holdout_days
    group by trained_on
) as refunded using (trained_on)
group by trained_on;

create temp table int_histories_aggregated_to_statistics as
select trained_on, frequency, recency_days, age_days, count(*) as customers
from int_purchases_aggregated_to_histories
group by all;

create temp table int_spells_counted_in_intervals as
with seen as (
    select
        c, billing_interval, started_on, ended_on is not null as is_ended,
        coalesce(ended_on, getvariable('as_of') - 1) as until,
        date_diff('month', started_on, until)
        - (started_on + to_months(date_diff('month', started_on, until)::int) > until)::int as months,
        until - started_on as days
    from spells
),
counted as (
    select
        c, is_ended, billing_interval,
        case billing_interval when 'day' then 12.0 / 365 when 'week' then 12.0 / 52 when 'year' then 12.0 else 1.0 end
            as months_per_interval,
        case billing_interval when 'day' then days when 'week' then days // 7 when 'year' then months // 12 else months end
            as lasted,
        case billing_interval
            when 'day' then true
            when 'week' then days % 7 = 0
            else
                started_on + to_months(months::int) = until
                and (billing_interval = 'month' or months % 12 = 0)
        end as is_whole
    from seen
    union all
    select
        c, is_ended, 'all', 1.0, months, started_on + to_months(months::int) = until
    from seen
)
select
    c, billing_interval, months_per_interval, is_ended,
    case
        when is_ended and is_whole then greatest(lasted, 1)
        when is_ended then lasted + 1
        else lasted
    end::bigint as renewals,
    -- every spell is observed from its start
    0::bigint as renewals_before_entry
from counted;
