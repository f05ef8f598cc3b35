{%- set horizons = [30, 60, 90, 180, 365] -%}
with

-- The second purchase is on a later day: a second order of the first day is no repeat.
buyers as (

    select
        customer_id,
        min(order_date) as first_date,
        min(case when days_since_previous_order > 0 then order_date end) as second_date
    from {{ ref('fct_orders') }}
    where customer_id is not null and subscription_id is null
    group by customer_id

),

expected as (

    select
        {%- for days in horizons %}
        {%- set days_known = dbt.datediff('first_date', 'as_of.last_day', 'day') %}
        {%- set days_to_second = dbt.datediff('first_date', 'second_date', 'day') %}
        sum(case when {{ days_known }} >= {{ days }} then 1 else 0 end)
            as mature_customers_{{ days }}d,
        sum(
            case
                when {{ days_known }} >= {{ days }} and {{ days_to_second }} <= {{ days }} then 1
                else 0
            end
        ) as repeat_customers_{{ days }}d,
        {%- endfor %}
        count(*) as customers

    from buyers
    cross join {{ ref('int_as_of') }} as as_of

),

reported as (

    select * from {{ ref('rpt_repeat_purchase') }}
    where segment_name = 'all' and period_grain = 'all'

)

select expected.*

from expected
left join reported
    on expected.customers > 0
where
    expected.customers <> coalesce(reported.customers, 0)
    {%- for days in horizons %}
    or expected.mature_customers_{{ days }}d <> reported.mature_customers_{{ days }}d
    or expected.repeat_customers_{{ days }}d <> reported.repeat_customers_{{ days }}d
    {%- endfor %}
