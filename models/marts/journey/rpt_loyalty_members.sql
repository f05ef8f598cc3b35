{#- The half year after the first purchase: long enough that most buyers have lapsed or come back. -#}
{%- set horizon_days = 180 -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customer_days as (

    select * from {{ ref('int_customer_days_sequenced') }}
    where first_purchase_date is not null

),

customers as (

    select * from {{ ref('int_customers_assessed') }}
    where coalesce(not_counted_reason, '') <> 'deleted'

),

periods_of_days as (

    select * from {{ ref('int_days_assigned_to_periods') }}

),

with_days_to_compare as (

    select
        *,
        cast({{ dbt.dateadd('day', var('landmark_days'), 'first_purchase_date') }} as date)
            as landmark_on,
        cast({{ dbt.dateadd('day', horizon_days, 'first_purchase_date') }} as date) as horizon_on

    from customer_days

),

-- Customers whose half year is over. What they did by the landmark puts them into a group, and what
-- they did after it is compared.
histories as (

    select
        days.customer_id,
        days.first_purchase_date,
        days.landmark_on,
        days.horizon_on,
        max(case when days.activity_date <= days.landmark_on then days.active_until end)
            as active_until_by_landmark,
        max(days.active_until) as active_until_by_horizon,
        sum(case when days.activity_date > days.landmark_on then days.orders else 0 end) as orders,
        sum(case when days.activity_date > days.landmark_on then days.net_revenue else 0 end)
            as net_revenue

    from with_days_to_compare as days
    cross join as_of
    where
        days.activity_date <= days.horizon_on
        and days.horizon_on <= as_of.last_day
    group by days.customer_id, days.first_purchase_date, days.landmark_on, days.horizon_on

),

-- Only customers who were still active buyers on the landmark are compared. Who joined the programme
-- later is no member here: one has to be there later to join later. To count such customers as
-- members would make members look loyal, whatever the programme does.
compared as (

    select
        histories.*,
        coalesce(customers.loyalty_joined_on <= histories.landmark_on, false) as is_member,
        histories.active_until_by_horizon > histories.horizon_on as is_retained

    from histories
    left join customers
        on histories.customer_id = customers.customer_id
    where histories.active_until_by_landmark > histories.landmark_on

),

-- Days first: few rows are left for the join of the periods.
by_day as (

    select
        first_purchase_date,
        is_member,
        count(*) as customers,
        sum(case when is_retained then 1 else 0 end) as retained_customers,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue

    from compared
    group by first_purchase_date, is_member

),

cohorts as (

    select
        days.period_grain,
        days.period_start as cohort_start,
        days.period_end,
        by_day.is_member,
        sum(by_day.customers) as customers,
        sum(by_day.retained_customers) as retained_customers,
        sum(by_day.orders) as orders,
        sum(by_day.net_revenue) as net_revenue

    from by_day
    inner join periods_of_days as days
        on by_day.first_purchase_date = days.date_day
    group by days.period_grain, days.period_start, days.period_end, by_day.is_member

)

select
    cohorts.period_grain,
    cohorts.cohort_start,
    cohorts.is_member,
    cast(cohorts.customers as bigint) as customers,
    cast(cohorts.retained_customers as bigint) as retained_customers,
    {{ safe_divide('cohorts.retained_customers', 'cohorts.customers') }} as retention_rate,
    {{ wilson_low('cohorts.retained_customers', 'cohorts.customers') }} as retention_ci_low,
    {{ wilson_high('cohorts.retained_customers', 'cohorts.customers') }} as retention_ci_high,
    cast(cohorts.orders as bigint) as orders,
    {{ safe_divide('cohorts.orders', 'cohorts.customers') }} as orders_per_customer,
    cast(cohorts.net_revenue as decimal(18, 2)) as net_revenue,
    {{ round_to_cent(safe_divide('cohorts.net_revenue', 'cohorts.customers')) }}
        as net_revenue_per_customer,
    {{ dbt.dateadd('day', horizon_days, 'cohorts.period_end') }} <= as_of.as_of as is_complete

from cohorts
cross join as_of
