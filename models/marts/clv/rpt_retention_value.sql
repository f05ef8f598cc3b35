with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

customer_months as (

    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}

),

scenarios as (
    {%- for scenario, retention_points, price_change in [
        ('today', 0, 0),
        ('retention +1 point', 0.01, 0),
        ('retention +5 points', 0.05, 0),
        ('price +1 %', 0, 0.01),
        ('price +10 %', 0, 0.1),
    ] %}

    {{ 'union all' if not loop.first }}

    select
        '{{ scenario }}' as scenario,
        cast({{ retention_points }} as double) as retention_points,
        cast({{ price_change }} as double) as price_change
    {%- endfor %}

),

-- Churn of the last twelve months that have ended. Before subscriptions_observed_from nobody could be seen to leave, so
-- a month that began before that day does not count.
last_year as (

    select
        customer_months.customer_id,
        sum(case when customer_months.opening_mrr > 0 then 1 else 0 end) as months_at_risk,
        sum(case when customer_months.movement = 'churn' then 1 else 0 end) as churns

    from customer_months
    cross join as_of
    where
        customer_months.is_complete
        and customer_months.month
        >= {{ dbt.dateadd('month', -12, dbt.date_trunc('month', 'as_of.as_of')) }}
        {%- if var('subscriptions_observed_from') %}
        and customer_months.month >= date '{{ var("subscriptions_observed_from") }}'
        {%- endif %}
    group by customer_months.customer_id

),

totals as (

    select
        {{ segment_columns() }},
        scenarios.scenario,
        scenarios.retention_points,
        scenarios.price_change,
        sum(customers.current_mrr) as mrr,
        sum(case when customers.current_mrr > 0 then 1 else 0 end) as subscribers,
        sum(coalesce(last_year.churns, 0)) as churns,
        sum(coalesce(last_year.months_at_risk, 0)) as months_at_risk

    from customers
    cross join scenarios
    left join last_year
        on customers.customer_id = last_year.customer_id
    group by {{ segment_sets(['scenario', 'retention_points', 'price_change']) }}

),

rates as (

    select
        *,
        {{ safe_divide('churns', 'months_at_risk') }} - retention_points as monthly_churn_rate

    from totals
    where subscribers > 0

),

with_values as (

    select
        *,
        -- the formula gives no answer for a lifetime of more than fifty years
        case
            when monthly_churn_rate >= 1e0 / 600
                then
                    cast(mrr as double) * (1 + price_change) * {{ var('gross_margin') }}
                    / monthly_churn_rate
        end as lifetime_value,
        -- how often a subscriber of today pays over the next twelve months, on average
        case
            when monthly_churn_rate > 0
                then
                    (1 - monthly_churn_rate) * (1 - power(1 - monthly_churn_rate, 12))
                    / monthly_churn_rate
            when monthly_churn_rate = 0 then 12
        end as months_paid

    from rates

),

with_today as (

    select
        *,
        max(case when scenario = 'today' then lifetime_value end) over a_segment
            as lifetime_value_today,
        max(case when scenario = 'today' then months_paid end) over a_segment as months_paid_today

    from with_values
    window a_segment as (partition by segment_name, segment_value)

)

select
    segment_name,
    segment_value,
    scenario,
    cast(mrr as decimal(18, 2)) as mrr,
    cast(subscribers as bigint) as subscribers,
    cast(churns as bigint) as churns,
    cast(months_at_risk as bigint) as months_at_risk,
    case when monthly_churn_rate >= 0 then monthly_churn_rate end as monthly_churn_rate,
    {{ wilson_low('churns', 'months_at_risk') }} as churn_ci_low,
    {{ wilson_high('churns', 'months_at_risk') }} as churn_ci_high,
    {{ round_to_cent('lifetime_value') }} as lifetime_value,
    {{ round_to_cent('lifetime_value - lifetime_value_today') }} as change_in_lifetime_value,
    -- A price change applies to every subscriber. Better retention only adds the months of the
    -- subscribers who would have left.
    {{ round_to_cent(
        'case when retention_points = 0 then 12 * cast(mrr as double) * price_change'
        ~ ' else cast(mrr as double) * (months_paid - months_paid_today) end'
    ) }} as change_in_yearly_revenue

from with_today
