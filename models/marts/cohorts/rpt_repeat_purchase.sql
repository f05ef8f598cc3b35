{%- set grains = ['week', 'month', 'quarter', 'year'] -%}
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

grains as (

    select 'all' as period_grain
    {%- for grain in grains %}
    union all
    select '{{ grain }}' as period_grain
    {%- endfor %}

),

-- a customer is in one cohort of each grain, and in the one of all time
cohorts_of_days as (

    select
        days.date_day,
        grains.period_grain,
        cast(
            case grains.period_grain
                {%- for grain in grains %}
                when '{{ grain }}' then {{ dbt.date_trunc(grain, 'days.date_day') }}
                {%- endfor %}
            end as date
        ) as cohort_start

    from {{ ref('int_days_spined') }} as days
    cross join grains

),

buyers as (

    select
        customer_id,
        min(first_purchase_date) as first_purchase_date,
        min(case when purchase_number = 2 then activity_date end) as second_purchase_date,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue

    from customer_days
    group by customer_id

),

buyers_with_segments as (

    select
        buyers.*{{ segment_attributes('customers') }}

    from buyers
    inner join customers
        on buyers.customer_id = customers.customer_id

),

purchases as (

    select
        {{ segment_columns() }},
        cohorts.period_grain,
        cohorts.cohort_start,
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
        sum(buyers.net_revenue) as net_revenue

    from buyers_with_segments as buyers
    cross join as_of
    inner join cohorts_of_days as cohorts
        on buyers.first_purchase_date = cohorts.date_day
    group by {{ segment_sets(['period_grain', 'cohort_start']) }}

),

gaps as (

    select
        {{ segment_columns() }},
        cohorts.period_grain,
        cohorts.cohort_start,
        percentile_cont(0.5) within group (
            order by
                {{ dbt.datediff(
                    'customer_days.previous_purchase_date', 'customer_days.activity_date', 'day'
                ) }}
        ) as median_days_between,
        avg(
            {{ dbt.datediff(
                'customer_days.previous_purchase_date', 'customer_days.activity_date', 'day'
            ) }}
        ) as mean_days_between

    from customer_days
    inner join customers
        on customer_days.customer_id = customers.customer_id
    inner join cohorts_of_days as cohorts
        on customer_days.first_purchase_date = cohorts.date_day
    where customer_days.purchase_number > 1
    group by {{ segment_sets(['period_grain', 'cohort_start']) }}

),

-- a rank needs the customers of each segment side by side
spenders as (

    select
        'all' as segment_name,
        'all' as segment_value,
        first_purchase_date,
        customer_id,
        net_revenue
    from buyers_with_segments
    {%- for segment in var('segments') %}

    union all

    select
        '{{ segment }}' as segment_name,
        {{ segment }} as segment_value,
        first_purchase_date,
        customer_id,
        net_revenue
    from buyers_with_segments
    {%- endfor %}

),

ranked_spenders as (

    select
        spenders.segment_name,
        spenders.segment_value,
        cohorts.period_grain,
        cohorts.cohort_start,
        spenders.net_revenue,
        10 * (row_number() over (
            partition by
                spenders.segment_name,
                spenders.segment_value,
                cohorts.period_grain,
                cohorts.cohort_start
            order by spenders.net_revenue desc, spenders.customer_id asc
        ) - 1) < count(*) over (
            partition by
                spenders.segment_name,
                spenders.segment_value,
                cohorts.period_grain,
                cohorts.cohort_start
        ) as is_in_top_decile

    from spenders
    inner join cohorts_of_days as cohorts
        on spenders.first_purchase_date = cohorts.date_day

),

top_deciles as (

    select
        segment_name,
        segment_value,
        period_grain,
        cohort_start,
        sum(case when is_in_top_decile then net_revenue else 0 end) as top_revenue,
        sum(case when is_in_top_decile then 0 else net_revenue end) as other_revenue,
        sum(case when is_in_top_decile then 1 else 0 end) as top_customers,
        sum(case when is_in_top_decile then 0 else 1 end) as other_customers

    from ranked_spenders
    group by segment_name, segment_value, period_grain, cohort_start

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
    {%- endfor %}
    {{ safe_divide('purchases.orders', 'purchases.customers') }} as purchase_frequency,
    {{ round_to_cent(safe_divide('purchases.net_revenue', 'purchases.orders')) }}
        as average_order_value,
    cast(gaps.median_days_between as double) as median_days_between,
    cast(gaps.mean_days_between as double) as mean_days_between,
    {{ safe_divide('top_deciles.top_revenue', 'purchases.net_revenue') }}
        as top_decile_revenue_share,
    {{ safe_divide(
        'top_deciles.top_revenue * top_deciles.other_customers',
        'top_deciles.other_revenue * top_deciles.top_customers'
    ) }} as top_decile_spend_multiple

from purchases
left join gaps
    on
        purchases.segment_name = gaps.segment_name
        and purchases.segment_value = gaps.segment_value
        and purchases.period_grain = gaps.period_grain
        and purchases.cohort_start is not distinct from gaps.cohort_start
left join top_deciles
    on
        purchases.segment_name = top_deciles.segment_name
        and purchases.segment_value = top_deciles.segment_value
        and purchases.period_grain = top_deciles.period_grain
        and purchases.cohort_start is not distinct from top_deciles.cohort_start
