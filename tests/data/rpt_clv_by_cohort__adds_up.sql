{#- The cohorts of each grain hold all customers and all spend. A grain that the report lacks holds none. -#}
with

grains as (

    select distinct period_grain from {{ ref('int_periods_spined') }}

),

customers as (

    select
        count(*) as customers,
        sum(historic_net_revenue) as historic_net_revenue,
        sum(historic_recurring_revenue) as historic_recurring_revenue,
        sum(case when predicted_clv is null then 1 else 0 end) as unscored_customers,
        sum(predicted_clv) as predicted_clv
    from {{ ref('fct_customer_value') }}

),

spend as (

    select sum(amount) as marketing_spend
    from {{ ref('int_marketing_spend_assessed') }}
    where is_counted

),

cohorts as (

    select
        period_grain,
        sum(customers) as customers,
        sum(historic_net_revenue) as historic_net_revenue,
        sum(historic_recurring_revenue) as historic_recurring_revenue,
        sum(unscored_customers) as unscored_customers,
        sum(predicted_clv) as predicted_clv,
        sum(marketing_spend) as marketing_spend
    from {{ ref('rpt_clv_by_cohort') }}
    where segment_name = 'all'
    group by period_grain

)

select
    grains.period_grain,
    cohorts.customers,
    cohorts.historic_net_revenue,
    cohorts.historic_recurring_revenue,
    cohorts.unscored_customers,
    cohorts.predicted_clv,
    cohorts.marketing_spend

from grains
cross join customers
cross join spend
left join cohorts
    on grains.period_grain = cohorts.period_grain
where
    coalesce(cohorts.customers, 0) <> customers.customers
    or coalesce(cohorts.historic_net_revenue, 0) <> coalesce(customers.historic_net_revenue, 0)
    or coalesce(cohorts.historic_recurring_revenue, 0)
    <> coalesce(customers.historic_recurring_revenue, 0)
    or coalesce(cohorts.unscored_customers, 0) <> coalesce(customers.unscored_customers, 0)
    or (
        cohorts.unscored_customers = 0
        and coalesce(cohorts.predicted_clv, 0) <> coalesce(customers.predicted_clv, 0)
    )
    or coalesce(cohorts.marketing_spend, 0) <> coalesce(spend.marketing_spend, 0)
