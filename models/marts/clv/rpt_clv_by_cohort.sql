{#- Money is spent on a channel; no other segment can be charged with it. -#}
{%- set has_channels = 'acquisition_channel' in var('segments') -%}

with

customers as (

    select * from {{ ref('dim_customers') }}
    where acquired_on is not null

),

customer_values as (

    select * from {{ ref('int_customers_valued') }}

),

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

customer_months as (

    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}
    where is_complete

),

marketing_spend as (

    select * from {{ ref('int_marketing_spend_assessed') }}
    where is_counted

),

periods as (

    select * from {{ ref('int_periods_spined') }}

),

-- what customers brought: orders on their day, recurring revenue at month end
revenues as (

    select
        customer_id,
        cast({{ dbt.date_trunc('month', 'activity_date') }} as date) as month,
        net_revenue as order_revenue,
        0 as recurring_revenue
    from customer_days

    union all

    select
        customer_id,
        month,
        0 as order_revenue,
        closing_mrr as recurring_revenue
    from customer_months

),

recurring_revenues as (

    select
        customer_id,
        sum(closing_mrr) as recurring_revenue
    from customer_months
    group by customer_id

),

cohorts as (

    select
        {{ segment_columns() }},
        periods.period_grain,
        periods.period_number,
        count(*) as customers,
        sum(customers.lifetime_net_revenue) as historic_net_revenue,
        sum(coalesce(recurring_revenues.recurring_revenue, 0)) as historic_recurring_revenue,
        sum(customer_values.predicted_clv) as predicted_clv,
        -- who has a value to come, and no prediction of it
        sum(
            case
                when
                    customer_values.customer_id is not null
                    and customer_values.predicted_clv is null
                    then 1
                else 0
            end
        ) as unscored_customers

    from customers
    inner join periods
        on
            customers.acquired_on >= periods.period_start
            and customers.acquired_on < periods.period_end
    left join customer_values
        on customers.customer_id = customer_values.customer_id
    left join recurring_revenues
        on customers.customer_id = recurring_revenues.customer_id
    group by {{ segment_sets(['period_grain', 'period_number']) }}

),

spend_of_channels as (

    select
        periods.period_grain,
        periods.period_number,
        marketing_spend.channel as segment_value,
        sum(marketing_spend.amount) as marketing_spend

    from marketing_spend
    inner join periods
        on
            marketing_spend.spend_date >= periods.period_start
            and marketing_spend.spend_date < periods.period_end
    group by periods.period_grain, periods.period_number, marketing_spend.channel

),

spend as (

    select
        'all' as segment_name,
        'all' as segment_value,
        period_grain,
        period_number,
        sum(marketing_spend) as marketing_spend
    from spend_of_channels
    group by period_grain, period_number
    {%- if has_channels %}

    union all

    select
        'acquisition_channel' as segment_name,
        segment_value,
        period_grain,
        period_number,
        marketing_spend
    from spend_of_channels
    {%- endif %}

),

revenues_of_days as (

    select
        customers.acquisition_channel,
        customers.acquired_on,
        revenues.month,
        sum(revenues.order_revenue + revenues.recurring_revenue) as revenue

    from revenues
    inner join customers
        on revenues.customer_id = customers.customer_id
    group by customers.acquisition_channel, customers.acquired_on, revenues.month

),

revenues_of_cohorts as (

    select
        revenues_of_days.acquisition_channel as segment_value,
        periods.period_grain,
        periods.period_number,
        periods.period_start,
        revenues_of_days.month,
        sum(revenues_of_days.revenue) as revenue

    from revenues_of_days
    inner join periods
        on
            revenues_of_days.acquired_on >= periods.period_start
            and revenues_of_days.acquired_on < periods.period_end
    group by
        revenues_of_days.acquisition_channel,
        periods.period_grain,
        periods.period_number,
        periods.period_start,
        revenues_of_days.month

),

revenues_of_segments as (

    select
        'all' as segment_name,
        'all' as segment_value,
        period_grain,
        period_number,
        period_start,
        month,
        sum(revenue) as revenue
    from revenues_of_cohorts
    group by period_grain, period_number, period_start, month
    {%- if has_channels %}

    union all

    select
        'acquisition_channel' as segment_name,
        segment_value,
        period_grain,
        period_number,
        period_start,
        month,
        revenue
    from revenues_of_cohorts
    {%- endif %}

),

cumulative_revenues as (

    select
        *,
        sum(revenue) over (
            partition by segment_name, segment_value, period_grain, period_number
            order by month
            rows between unbounded preceding and current row
        ) as cumulative_revenue

    from revenues_of_segments

),

paybacks as (

    select
        revenues.segment_name,
        revenues.segment_value,
        revenues.period_grain,
        revenues.period_number,
        min({{ dbt.datediff('revenues.period_start', 'revenues.month', 'month') }}) + 1
            as payback_months

    from cumulative_revenues as revenues
    inner join spend
        on
            revenues.segment_name = spend.segment_name
            and revenues.segment_value = spend.segment_value
            and revenues.period_grain = spend.period_grain
            and revenues.period_number = spend.period_number
    where revenues.cumulative_revenue * {{ var('gross_margin') }} >= spend.marketing_spend
    group by
        revenues.segment_name,
        revenues.segment_value,
        revenues.period_grain,
        revenues.period_number

),

-- money that won nobody has its row too
joined as (

    select
        coalesce(cohorts.segment_name, spend.segment_name) as segment_name,
        coalesce(cohorts.segment_value, spend.segment_value) as segment_value,
        coalesce(cohorts.period_grain, spend.period_grain) as period_grain,
        coalesce(cohorts.period_number, spend.period_number) as period_number,
        coalesce(cohorts.customers, 0) as customers,
        coalesce(cohorts.historic_net_revenue, 0) as historic_net_revenue,
        coalesce(cohorts.historic_recurring_revenue, 0) as historic_recurring_revenue,
        case
            when coalesce(cohorts.unscored_customers, 0) = 0
                then coalesce(cohorts.predicted_clv, 0)
        end as predicted_clv,
        coalesce(cohorts.unscored_customers, 0) as unscored_customers,
        spend.marketing_spend

    from cohorts
    full outer join spend
        on
            cohorts.segment_name = spend.segment_name
            and cohorts.segment_value = spend.segment_value
            and cohorts.period_grain = spend.period_grain
            and cohorts.period_number = spend.period_number

),

with_value as (

    select
        *,
        (historic_net_revenue + historic_recurring_revenue) * {{ var('gross_margin') }}
        + predicted_clv as lifetime_value

    from joined

)

select
    with_value.segment_name,
    with_value.segment_value,
    with_value.period_grain,
    periods.period_start as cohort_start,
    cast(with_value.customers as bigint) as customers,
    cast(with_value.unscored_customers as bigint) as unscored_customers,
    cast(with_value.historic_net_revenue as decimal(18, 2)) as historic_net_revenue,
    cast(with_value.historic_recurring_revenue as decimal(18, 2)) as historic_recurring_revenue,
    cast(with_value.predicted_clv as decimal(18, 2)) as predicted_clv,
    {{ round_to_cent(safe_divide('with_value.lifetime_value', 'with_value.customers')) }}
        as clv_per_customer,
    cast(with_value.marketing_spend as decimal(18, 2)) as marketing_spend,
    {{ round_to_cent(safe_divide('with_value.marketing_spend', 'with_value.customers')) }} as cac,
    case
        when with_value.customers > 0
            then {{ safe_divide('with_value.lifetime_value', 'with_value.marketing_spend') }}
    end as clv_to_cac,
    cast(paybacks.payback_months as bigint) as payback_months,
    periods.is_complete

from with_value
inner join periods
    on
        with_value.period_grain = periods.period_grain
        and with_value.period_number = periods.period_number
left join paybacks
    on
        with_value.segment_name = paybacks.segment_name
        and with_value.segment_value = paybacks.segment_value
        and with_value.period_grain = paybacks.period_grain
        and with_value.period_number = paybacks.period_number
