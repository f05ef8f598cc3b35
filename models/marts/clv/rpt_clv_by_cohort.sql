with

customers as (

    select * from {{ ref('dim_customers') }}
    where acquired_on is not null

),

customer_months as (

    select * from {{ ref('fct_customer_months') }}

),

customer_values as (

    select * from {{ ref('int_customers_valued') }}

),

-- Money is spent on a channel. No other segment can be charged with it.
spend as (

    select * from {{ ref('int_marketing_spend_aggregated_to_periods') }}
    {%- if 'acquisition_channel' not in var('segments') %}
    where segment_name = 'all'
    {%- endif %}

),

days_in_periods as (

    select * from {{ ref('int_days_assigned_to_periods') }}

),

-- Customers who have left have no row in customer_values, and count as predicted: nothing is to come.
cohorts as (

    select
        {{ segment_columns() }},
        days_in_periods.period_grain,
        days_in_periods.is_complete,
        days_in_periods.period_start,
        count(*) as customers,
        sum(customers.lifetime_net_revenue) as historic_net_revenue,
        sum(customers.lifetime_recurring_revenue) as historic_recurring_revenue,
        sum(customer_values.predicted_clv) as predicted_clv,
        count(customer_values.customer_id)
        - count(customer_values.predicted_clv) as unscored_customers

    from customers
    inner join days_in_periods
        on customers.acquired_on = days_in_periods.date_day
    left join customer_values
        on customers.customer_id = customer_values.customer_id
    group by {{ segment_sets(['period_grain', 'is_complete', 'period_start']) }}

),

-- Recurring revenue counts once its month has ended. Customers acquired on one day are added up
-- first, because there are far fewer days than customers.
revenues_of_days as (

    select
        customers.acquisition_channel,
        customers.acquired_on,
        customer_months.month,
        sum(
            customer_months.net_revenue
            + case when customer_months.is_complete then customer_months.mrr else 0 end
        ) as revenue

    from customer_months
    inner join customers
        on customer_months.customer_id = customers.customer_id
    group by customers.acquisition_channel, customers.acquired_on, customer_months.month

),

revenues_of_cohorts as (

    select
        case
            when grouping(revenues_of_days.acquisition_channel) = 0 then 'acquisition_channel'
            else 'all'
        end as segment_name,
        coalesce(revenues_of_days.acquisition_channel, 'all') as segment_value,
        days_in_periods.period_grain,
        days_in_periods.period_start,
        revenues_of_days.month,
        sum(revenues_of_days.revenue) as revenue

    from revenues_of_days
    inner join days_in_periods
        on revenues_of_days.acquired_on = days_in_periods.date_day
    group by grouping sets (
        (period_grain, period_start, month),
        (period_grain, period_start, month, acquisition_channel)
    )

),

-- A renewal or credit note may be older than the cohort. The first month holds all of them, so each
-- month up to that one has the sum at its end.
cumulative_revenues as (

    select
        *,
        sum(revenue) over (
            partition by segment_name, segment_value, period_grain, period_start
            order by greatest(month, period_start)
            range between unbounded preceding and current row
        ) as cumulative_revenue

    from revenues_of_cohorts

),

-- The first month in which the margin to date covers the spend. The first month of the cohort is 1.
paybacks as (

    select
        spend.segment_name,
        spend.segment_value,
        spend.period_grain,
        spend.period_start,
        greatest(
            min({{ months_between('spend.period_start', 'revenues.month') }}) + 1, 1
        ) as payback_months

    from spend
    inner join cumulative_revenues as revenues
        on
            spend.segment_name = revenues.segment_name
            and spend.segment_value = revenues.segment_value
            and spend.period_grain = revenues.period_grain
            and spend.period_start = revenues.period_start
    where revenues.cumulative_revenue * {{ var('gross_margin') }} >= spend.marketing_spend
    group by spend.segment_name, spend.segment_value, spend.period_grain, spend.period_start

),

-- Spend that won no customer has a row too. The predicted value of a cohort is unknown while one of
-- its customers could not be scored.
joined as (

    select
        coalesce(cohorts.segment_name, spend.segment_name) as segment_name,
        coalesce(cohorts.segment_value, spend.segment_value) as segment_value,
        coalesce(cohorts.period_grain, spend.period_grain) as period_grain,
        coalesce(cohorts.is_complete, spend.is_complete) as is_complete,
        coalesce(cohorts.period_start, spend.period_start) as period_start,
        coalesce(cohorts.customers, 0) as customers,
        coalesce(cohorts.unscored_customers, 0) as unscored_customers,
        coalesce(cohorts.historic_net_revenue, 0) as historic_net_revenue,
        coalesce(cohorts.historic_recurring_revenue, 0) as historic_recurring_revenue,
        case
            when coalesce(cohorts.unscored_customers, 0) = 0
                then coalesce(cohorts.predicted_clv, 0)
        end as predicted_clv,
        spend.marketing_spend

    from cohorts
    full outer join spend
        on
            cohorts.segment_name = spend.segment_name
            and cohorts.segment_value = spend.segment_value
            and cohorts.period_grain = spend.period_grain
            and cohorts.period_start = spend.period_start

),

with_lifetime_value as (

    select
        *,
        (historic_net_revenue + historic_recurring_revenue) * {{ var('gross_margin') }}
        + predicted_clv as lifetime_value

    from joined

)

select
    cohort.segment_name,
    cohort.segment_value,
    cohort.period_grain,
    cohort.period_start as cohort_start,
    cast(cohort.customers as bigint) as customers,
    cast(cohort.unscored_customers as bigint) as unscored_customers,
    cast(cohort.historic_net_revenue as decimal(18, 2)) as historic_net_revenue,
    cast(cohort.historic_recurring_revenue as decimal(18, 2)) as historic_recurring_revenue,
    cast(cohort.predicted_clv as decimal(18, 2)) as predicted_clv,
    {{ round_to_cent(safe_divide('cohort.lifetime_value', 'cohort.customers')) }}
        as clv_per_customer,
    cast(cohort.marketing_spend as decimal(18, 2)) as marketing_spend,
    {{ round_to_cent(safe_divide('cohort.marketing_spend', 'cohort.customers')) }} as cac,
    -- who cost nothing, or brought a credit, was won at no price
    case
        when cohort.customers > 0 and cohort.marketing_spend > 0
            then {{ safe_divide('cohort.lifetime_value', 'cohort.marketing_spend') }}
    end as clv_to_cac,
    -- who cost nothing has nothing to pay back
    cast(
        case
            when cohort.customers > 0 and cohort.marketing_spend <= 0 then 1
            else paybacks.payback_months
        end as bigint
    ) as payback_months,
    cohort.is_complete

from with_lifetime_value as cohort
left join paybacks
    on
        cohort.segment_name = paybacks.segment_name
        and cohort.segment_value = paybacks.segment_value
        and cohort.period_grain = paybacks.period_grain
        and cohort.period_start = paybacks.period_start
