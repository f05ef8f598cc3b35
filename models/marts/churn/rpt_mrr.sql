with

months as (

    select
        period_start as month,
        is_complete
    from {{ ref('int_periods_spined') }}
    where period_grain = 'month'

),

customer_months as (

    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}

),

first_month as (

    select min(month) as month from customer_months

),

-- every month since the first recurring revenue, also those in which nobody pays
totals as (

    select
        months.month,
        months.is_complete,
        coalesce(sum(customer_months.opening_mrr), 0) as opening_mrr,
        coalesce(sum(customer_months.new_mrr), 0) as new_mrr,
        coalesce(sum(customer_months.reactivation_mrr), 0) as reactivation_mrr,
        coalesce(sum(customer_months.expansion_mrr), 0) as expansion_mrr,
        coalesce(sum(customer_months.contraction_mrr), 0) as contraction_mrr,
        coalesce(sum(customer_months.churned_mrr), 0) as churned_mrr,
        coalesce(sum(customer_months.closing_mrr), 0) as closing_mrr,
        sum(case when customer_months.opening_mrr > 0 then 1 else 0 end) as customers_at_start,
        sum(case when customer_months.closing_mrr > 0 then 1 else 0 end) as customers_at_end,
        sum(case when customer_months.movement = 'new' then 1 else 0 end) as new_customers,
        sum(case when customer_months.movement = 'reactivation' then 1 else 0 end)
            as reactivated_customers,
        sum(case when customer_months.movement = 'churn' then 1 else 0 end) as churned_customers

    from months
    inner join first_month
        on months.month >= first_month.month
    left join customer_months
        on months.month = customer_months.month
    group by months.month, months.is_complete

)

select
    'all' as segment_name,
    'all' as segment_value,
    month,
    cast(opening_mrr as decimal(18, 2)) as opening_mrr,
    cast(new_mrr as decimal(18, 2)) as new_mrr,
    cast(reactivation_mrr as decimal(18, 2)) as reactivation_mrr,
    cast(expansion_mrr as decimal(18, 2)) as expansion_mrr,
    cast(contraction_mrr as decimal(18, 2)) as contraction_mrr,
    cast(churned_mrr as decimal(18, 2)) as churned_mrr,
    cast(closing_mrr as decimal(18, 2)) as closing_mrr,
    cast(closing_mrr * 12 as decimal(18, 2)) as arr,
    cast(customers_at_start as bigint) as customers_at_start,
    cast(customers_at_end as bigint) as customers_at_end,
    cast(new_customers as bigint) as new_customers,
    cast(reactivated_customers as bigint) as reactivated_customers,
    cast(churned_customers as bigint) as churned_customers,
    {{ round_to_cent(safe_divide('closing_mrr', 'customers_at_end')) }} as arpa,
    {{ safe_divide(
        'opening_mrr + expansion_mrr - contraction_mrr - churned_mrr', 'opening_mrr'
    ) }} as nrr,
    {{ safe_divide('opening_mrr - contraction_mrr - churned_mrr', 'opening_mrr') }} as grr,
    {{ safe_divide(
        'new_mrr + reactivation_mrr + expansion_mrr', 'contraction_mrr + churned_mrr'
    ) }} as quick_ratio,
    {{ safe_divide('churned_customers', 'customers_at_start') }} as logo_churn_rate,
    {{ wilson_low('churned_customers', 'customers_at_start') }} as logo_churn_ci_low,
    {{ wilson_high('churned_customers', 'customers_at_start') }} as logo_churn_ci_high,
    {{ safe_divide('contraction_mrr + churned_mrr', 'opening_mrr') }} as revenue_churn_rate,
    is_complete

from totals
