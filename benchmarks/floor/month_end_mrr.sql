-- What an expert would write by hand for the month ends of recurring revenue: what each customer paid
-- at the last month end and pays at this one, and the movement between them, straight from the staged
-- versions. One currency, UTC, the default policy, nothing back-dated; no test versions, no change of
-- owner, no committed revenue, no trailing year, no plans, no segments; no spells, survival or reasons.
with

as_of as (

    select
        as_of_at,
        date_trunc('month', last_day) as last_month
    from warehouse.intermediate.int_as_of

),

versions as (

    select
        customer_id,
        status not in ('paused', 'unpaid', 'incomplete')
        and (status <> 'trialing' or trial_ends_at is not null) as pays,
        greatest(
            case when lag(valid_from) over a_subscription is null then started_at else valid_from end,
            trial_ends_at
        ) as pays_from,
        least(
            ended_at,
            case
                when ended_at is null and status in ('canceled', 'expired')
                    then coalesce(current_period_ends_at, valid_from)
            end,
            lead(valid_from) over a_subscription
        ) as pays_to,
        cast(
            cast(
                (original_amount * quantity - original_discount_amount)
                * case billing_interval
                    when 'day' then 365 when 'week' then 52 when 'month' then 12 else 1
                end
                / (12.0 * interval_count) as decimal(28, 8)
            ) as decimal(18, 2)
        ) as mrr

    from warehouse.staging.stg_subscription_versions
    window a_subscription as (partition by subscription_id order by valid_from)

),

month_ends as (

    select
        customer_id,
        unnest(generate_series(
            date_trunc('month', pays_from),
            case
                when pays_to < as_of_at then date_trunc('month', pays_to) - interval 1 month
                else last_month
            end,
            interval 1 month
        )) as month,
        mrr

    from versions
    cross join as_of
    where pays and pays_from < as_of_at

),

customer_months as materialized (

    select
        customer_id,
        month,
        sum(mrr) as mrr,
        lag(month) over a_customer as previous_month,
        lag(sum(mrr)) over a_customer as previous_mrr,
        lead(month) over a_customer as next_month

    from month_ends
    group by customer_id, month
    having sum(mrr) > 0
    window a_customer as (partition by customer_id order by month)

)

select
    customer_id,
    month,
    case when previous_month = month - interval 1 month then previous_mrr else 0 end as opening_mrr,
    mrr as closing_mrr,
    case
        when previous_month is null then 'new'
        when previous_month < month - interval 1 month then 'reactivation'
        when mrr > previous_mrr then 'expansion'
        when mrr < previous_mrr then 'contraction'
        else 'none'
    end as movement
from customer_months

union all

select
    customer_id,
    month + interval 1 month as month,
    mrr as opening_mrr,
    0 as closing_mrr,
    'churn' as movement
from customer_months
cross join as_of
where month < last_month and (next_month is null or next_month > month + interval 1 month)
