-- The floor: SQL that an expert would write by hand for the same published numbers. It keeps no
-- account of each file, and has no proofs, no tests and no comments in the tables. It relies on a
-- few conditions:
-- - All vars have their defaults, and the time zone is UTC.
-- - No row breaks the raw contract.
-- - No refund exceeds its order, or has none.
-- - No order renews a subscription.
-- - No subscription moves to another customer, is dated back, or takes back a cancellation.
-- - Who was merged into another account bought nothing and sent nobody, and signed up with it.
--
-- Customers are integers (c), numbered in the order of their ids.

create macro divide(a, b) as a::double / nullif(b::double, 0);
create macro cents(quotient) as quotient::decimal(28, 8)::decimal(18, 2);
create macro wilson(x, n, sign) as
    (
        x::double + 1.9207294103470618
        + sign * 1.959963984540054 * sqrt(x::double * (n - x)::double / n + 0.9603647051735309)
    ) / (n + 3.8414588206941236);
create macro wilson_low(x, n) as case when n > 0 then greatest(0.0, wilson(x, n, -1)) end;
create macro wilson_high(x, n) as case when n > 0 then least(1.0, wilson(x, n, 1)) end;

create temp table rates as
select
    currency,
    exchange_rate::decimal(18, 8) as exchange_rate,
    unnest(generate_series(
        valid_from,
        lead(valid_from - 1, 1, current_date) over (partition by currency order by valid_from),
        interval 1 day
    ))::date as day
from read_csv(getvariable('seeds') || '/exchange_rates.csv')
where reporting_currency = 'USD';

create temp table order_records as
select
    order_id, customer_id, status, channel, currency, amount, discount_amount, tax_amount,
    shipping_amount, ordered_at, updated_at
from read_csv(
    getvariable('raw') || '/orders/*.csv',
    columns = {
        'order_id': 'varchar', 'customer_id': 'varchar', 'status': 'varchar', 'channel': 'varchar',
        'currency': 'varchar', 'amount': 'decimal(18, 4)', 'discount_amount': 'decimal(18, 4)',
        'tax_amount': 'decimal(18, 4)', 'shipping_amount': 'decimal(18, 4)',
        'ordered_at': 'timestamp', 'updated_at': 'timestamp'
    }
)
union all
select
    order_id, customer_id, status, channel, currency, amount::decimal(18, 4),
    discount_amount::decimal(18, 4), tax_amount::decimal(18, 4), shipping_amount::decimal(18, 4),
    ordered_at, updated_at
from read_parquet(getvariable('raw') || '/orders/*.parquet');

-- only the few orders with several versions, so that most rows need no search for the latest
create temp table order_versions as
select order_id, max(updated_at) as updated_at
from order_records
group by order_id
having count(*) > 1;

create temp table counted_orders as
with latest as (
    select
        *,
        ordered_at::date as order_date
    from order_records
    where
        status <> 'cancelled'
        and not exists (
            from order_versions
            where
                order_versions.order_id = order_records.order_id
                and order_versions.updated_at > order_records.updated_at
        )
)
select
    order_id,
    customer_id,
    status,
    channel,
    latest.currency as original_currency,
    amount as original_amount,
    discount_amount as original_discount,
    tax_amount as original_tax,
    shipping_amount as original_shipping,
    case latest.currency when 'USD' then 1 else rates.exchange_rate end::decimal(18, 8)
        as exchange_rate,
    ordered_at,
    order_date
from latest
left join rates on latest.currency = rates.currency and latest.order_date = rates.day;

create temp table refund_records as
select order_id, amount, refunded_at, refunded_at::date as refund_date
from read_csv(
    getvariable('raw') || '/refunds/*.csv',
    columns = {
        'refund_id': 'varchar', 'order_id': 'varchar', 'currency': 'varchar',
        'amount': 'decimal(18, 4)', 'refunded_at': 'timestamp'
    }
);

create temp table raw_customers as
select
    customer_id,
    arg_max(referred_by_customer_id, updated_at) as referred_by_customer_id,
    arg_max(country, updated_at) as country,
    arg_max(acquisition_channel, updated_at) as acquisition_channel,
    arg_max(signed_up_at, updated_at)::date as signed_up_on
from read_csv(
    getvariable('raw') || '/customers/*.csv',
    columns = {
        'customer_id': 'varchar', 'referred_by_customer_id': 'varchar', 'email': 'varchar',
        'country': 'varchar', 'acquisition_channel': 'varchar', 'signed_up_at': 'timestamp',
        'updated_at': 'timestamp', 'birth_date': 'date', 'loyalty_joined_at': 'timestamp',
        'marketing_consent': 'boolean', 'unsubscribed_at': 'timestamp',
        'merged_into_customer_id': 'varchar', 'merged_at': 'timestamp'
    }
)
where merged_into_customer_id is null
group by customer_id;

create temp table raw_versions as
select *
from read_csv(
    getvariable('raw') || '/subscriptions/*.csv',
    columns = {
        'subscription_id': 'varchar', 'customer_id': 'varchar', 'plan_id': 'varchar',
        'status': 'varchar', 'billing_interval': 'varchar', 'currency': 'varchar',
        'cancel_reason': 'varchar', 'amount': 'decimal(18, 4)', 'discount_amount': 'decimal(18, 4)',
        'quantity': 'bigint', 'started_at': 'timestamp', 'trial_ends_at': 'timestamp',
        'current_period_ends_at': 'timestamp', 'cancel_requested_at': 'timestamp',
        'ended_at': 'timestamp', 'effective_at': 'timestamp'
    }
);

create temp table spend as
select channel, amount::decimal(18, 2) as amount, spend_date
from read_csv(
    getvariable('raw') || '/marketing_spend/*.csv',
    columns = {'channel': 'varchar', 'amount': 'decimal(18, 4)', 'spend_date': 'date'}
);

set variable as_of = (
    select max(happened_at)::date + 1
    from (
        select max(greatest(ordered_at, updated_at)) as happened_at from order_records
        union all
        select max(refunded_at) from refund_records
        union all
        select max(greatest(started_at, effective_at, ended_at, cancel_requested_at))
        from raw_versions
    )
);
set variable as_of_at = getvariable('as_of')::timestamp;

drop table order_records;
drop table order_versions;

create temp table ids as
select customer_id, row_number() over (order by customer_id)::int as c
from (
    select customer_id from counted_orders where customer_id is not null
    union
    select customer_id from raw_customers
    union
    select customer_id from raw_versions
);

create temp table orders as
select
    ids.c,
    counted_orders.*,
    (original_amount::decimal(28, 4) * exchange_rate)::decimal(18, 2) as amount,
    (original_discount::decimal(28, 4) * exchange_rate)::decimal(18, 2) as discount_amount,
    (original_tax::decimal(28, 4) * exchange_rate)::decimal(18, 2) as tax_amount,
    (original_shipping::decimal(28, 4) * exchange_rate)::decimal(18, 2) as shipping_amount,
    row_number() over w as order_number,
    lag(order_date) over w as previous_date,
    first_value(order_date) over w as first_date
from counted_orders
left join ids using (customer_id)
window w as (partition by c order by ordered_at, order_id);

drop table counted_orders;

create temp table refunds as
select
    orders.c,
    orders.order_id,
    orders.order_date,
    refund_records.refund_date,
    (refund_records.amount::decimal(28, 4) * orders.exchange_rate)::decimal(18, 2) as amount
from refund_records
inner join orders using (order_id);
