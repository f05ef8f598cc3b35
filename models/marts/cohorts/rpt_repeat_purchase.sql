{%- set horizons = [30, 60, 90, 180, 365] -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customer_days as (

    select * from {{ ref('int_customer_days_sequenced') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

-- A customer is in one cohort of each grain, and in the cohort of all time.
cohorts_of_days as (

    select
        date_day,
        period_grain,
        period_start as cohort_start,
        is_complete
    from {{ ref('int_days_assigned_to_periods') }}

    union all

    select
        date_day,
        'all' as period_grain,
        cast(null as date) as cohort_start,
        false as is_complete
    from {{ ref('int_days_spined') }}

),

buyers as (

    select
        customer_id,
        min(first_purchase_date) as first_purchase_date,
        min(case when purchase_number = 2 then activity_date end) as second_purchase_date,
        sum(orders) as orders,
        cast(sum(purchase_revenue) as decimal(18, 2)) as purchase_revenue,
        cast(sum(net_revenue) as decimal(18, 2)) as net_revenue

    from customer_days
    group by customer_id

),

purchases as (

    select
        {{ segment_columns() }},
        cohorts.period_grain,
        cohorts.cohort_start,
        cohorts.is_complete,
        count(*) as customers,
        sum(case when buyers.second_purchase_date is not null then 1 else 0 end)
            as repeat_customers,
        {%- for days in horizons %}
        {%- set horizon = dbt.dateadd('day', days, 'buyers.first_purchase_date') %}
        sum(case when {{ horizon }} <= as_of.last_day then 1 else 0 end)
            as mature_customers_{{ days }}d,
        sum(
            case
                when
                    {{ horizon }} <= as_of.last_day
                    and buyers.second_purchase_date <= {{ horizon }}
                    then 1
                else 0
            end
        ) as repeat_customers_{{ days }}d,
        {%- endfor %}
        sum(buyers.orders) as orders,
        sum(buyers.purchase_revenue) as purchase_revenue,
        sum(buyers.net_revenue) as net_revenue,
        {{ sum_of_largest_tenth('buyers.net_revenue') }} as top_revenue

    from buyers
    inner join customers
        on buyers.customer_id = customers.customer_id
    cross join as_of
    inner join cohorts_of_days as cohorts
        on buyers.first_purchase_date = cohorts.date_day
    group by {{ segment_sets(['period_grain', 'cohort_start', 'is_complete']) }}

),

customer_gaps as (

    select
        customer_id,
        first_purchase_date,
        -- narrow, since a median keeps every value
        cast(
            {{ dbt.datediff('previous_purchase_date', 'activity_date', 'day') }} as integer
        ) as gap_days

    from customer_days
    where purchase_number > 1

),

gaps as (

    select
        {{ segment_columns() }},
        cohorts.period_grain,
        cohorts.cohort_start,
        median(customer_gaps.gap_days) as median_days_between,
        avg(customer_gaps.gap_days) as mean_days_between

    from customer_gaps
    inner join customers
        on customer_gaps.customer_id = customers.customer_id
    inner join cohorts_of_days as cohorts
        on customer_gaps.first_purchase_date = cohorts.date_day
    group by {{ segment_sets(['period_grain', 'cohort_start']) }}

),

-- A tenth of the customers, rounded up, and all others. Whole numbers, since money times a double is no longer exact.
with_top_decile as (

    select
        *,
        net_revenue - top_revenue as other_revenue,
        cast(ceiling(customers / 10e0) as bigint) as top_customers,
        customers - cast(ceiling(customers / 10e0) as bigint) as other_customers

    from purchases

)

select
    purchases.segment_name,
    purchases.segment_value,
    purchases.period_grain,
    purchases.cohort_start,
    cast(purchases.customers as bigint) as customers,
    cast(purchases.repeat_customers as bigint) as repeat_customers,
    {{ safe_divide('purchases.repeat_customers', 'purchases.customers') }} as repeat_rate,
    {{ wilson_low('purchases.repeat_customers', 'purchases.customers') }} as repeat_ci_low,
    {{ wilson_high('purchases.repeat_customers', 'purchases.customers') }} as repeat_ci_high,
    {%- for days in horizons %}
    cast(purchases.mature_customers_{{ days }}d as bigint) as mature_customers_{{ days }}d,
    cast(purchases.repeat_customers_{{ days }}d as bigint) as repeat_customers_{{ days }}d,
    {{ safe_divide(
        'purchases.repeat_customers_' ~ days ~ 'd', 'purchases.mature_customers_' ~ days ~ 'd'
    ) }} as repeat_rate_{{ days }}d,
    {{ wilson_low(
        'purchases.repeat_customers_' ~ days ~ 'd', 'purchases.mature_customers_' ~ days ~ 'd'
    ) }} as repeat_ci_low_{{ days }}d,
    {{ wilson_high(
        'purchases.repeat_customers_' ~ days ~ 'd', 'purchases.mature_customers_' ~ days ~ 'd'
    ) }} as repeat_ci_high_{{ days }}d,
    {%- endfor %}
    {{ safe_divide('purchases.orders', 'purchases.customers') }} as purchase_frequency,
    {{ round_to_cent(safe_divide('purchases.purchase_revenue', 'purchases.orders')) }}
        as average_order_value,
    cast(gaps.median_days_between as double) as median_days_between,
    cast(gaps.mean_days_between as double) as mean_days_between,
    -- credit notes may leave less than nothing, of which nobody has a share
    {{ safe_divide('purchases.top_revenue', 'greatest(purchases.net_revenue, 0)') }}
        as top_decile_revenue_share,
    {{ safe_divide(
        'purchases.top_revenue * purchases.other_customers',
        'greatest(purchases.other_revenue, 0) * purchases.top_customers'
    ) }} as top_decile_spend_multiple,
    purchases.is_complete

from with_top_decile as purchases
left join gaps
    on
        purchases.segment_name = gaps.segment_name
        and purchases.segment_value = gaps.segment_value
        and purchases.period_grain = gaps.period_grain
        and purchases.cohort_start is not distinct from gaps.cohort_start
