-- Net revenue of the first 365 days, from the orders of each customer and from credit notes.
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

buyers as (

    select
        customers.customer_id,
        customers.first_order_date,
        coalesce(referrals.is_counted, false) as is_referred

    from {{ ref('dim_customers') }} as customers
    left join {{ ref('int_referrals_assessed') }} as referrals
        on customers.customer_id = referrals.customer_id
    cross join as_of
    where {{ dbt.dateadd('day', 365, 'customers.first_order_date') }} <= as_of.as_of

),

expected as (

    select
        buyers.is_referred,
        sum(days.net_revenue) as net_revenue,
        count(distinct buyers.customer_id) as customers

    from buyers
    inner join {{ ref('int_orders_aggregated_to_customer_days') }} as days
        on
            buyers.customer_id = days.customer_id
            and {{ dbt.datediff('buyers.first_order_date', 'days.activity_date', 'day') }}
            between 0 and 364
    group by buyers.is_referred

)

{%- set sides = {'referred': 'expected.is_referred', 'other': 'not expected.is_referred'} %}
{%- for side, is_side in sides.items() %}

{{ 'union all' if not loop.first }}

select
    '{{ side }}' as side,
    coalesce(expected.net_revenue, 0) as expected_net_revenue,
    reported.{{ side }}_net_revenue_365d as net_revenue,
    reported.{{ side }}_value_365d as value_365d

from {{ ref('rpt_referrals') }} as reported
left join expected
    on {{ is_side }}
where
    reported.segment_name = 'all'
    and reported.period_grain = 'all'
    and (
        reported.{{ side }}_net_revenue_365d <> coalesce(expected.net_revenue, 0)
        or reported.{{ side }}_mature_customers_365d <> coalesce(expected.customers, 0)
        or abs(
            reported.{{ side }}_value_365d * expected.customers - expected.net_revenue
        ) > 0.005 * expected.customers + 1e-6
        or not reported.{{ side }}_value_365d
        between reported.{{ side }}_value_ci_low_365d and reported.{{ side }}_value_ci_high_365d
    )
{%- endfor %}
