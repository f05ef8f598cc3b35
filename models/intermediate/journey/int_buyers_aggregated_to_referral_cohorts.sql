{%- set day_90 = dbt.dateadd('day', 90, 'buyers.first_purchase_date') -%}
{%- set day_365 = dbt.dateadd('day', 365, 'buyers.first_purchase_date') -%}
{%- set measures = {
    'buyers': 'bigint', 'mature_90d': 'bigint', 'repeat_90d': 'bigint', 'mature_365d': 'bigint',
    'net_revenue_365d': 'decimal(18, 2)', 'squares_365d': 'decimal(38, 4)',
} -%}
{%- set sides = {
    'referred': 'grouped_buyers.is_referred', 'other': 'not grouped_buyers.is_referred',
} -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customers as (

    select * from {{ ref('int_customers_segmented') }}

),

attributes as (

    select distinct customers.attribute_group{{ segment_attributes('customers') }}
    from customers

),

customer_days as (

    select * from {{ ref('int_customer_days_sequenced') }}
    where activity_date >= first_purchase_date

),

referrals as (

    select * from {{ ref('int_referrals_assessed') }}
    where is_counted

),

buyers as (

    select
        customer_id,
        min(first_purchase_date) as first_purchase_date,
        min(case when purchase_number = 2 then activity_date end) as second_purchase_date,
        cast(
            sum(
                case
                    when activity_date < {{ dbt.dateadd('day', 365, 'first_purchase_date') }}
                        then net_revenue
                    else 0
                end
            ) as decimal(18, 2)
        ) as net_revenue_365d

    from customer_days
    group by customer_id

),

-- One number stands for the attributes here, since texts are slow keys.
grouped_buyers as (

    select
        customers.attribute_group,
        referrals.customer_id is not null as is_referred,
        cast({{ dbt.date_trunc('month', 'buyers.first_purchase_date') }} as date) as month,
        count(*) as buyers,
        sum(case when {{ day_90 }} <= as_of.last_day then 1 else 0 end) as mature_90d,
        sum(
            case
                when {{ day_90 }} <= as_of.last_day and buyers.second_purchase_date <= {{ day_90 }}
                    then 1
                else 0
            end
        ) as repeat_90d,
        sum(case when {{ day_365 }} <= as_of.as_of then 1 else 0 end) as mature_365d,
        sum(case when {{ day_365 }} <= as_of.as_of then buyers.net_revenue_365d else 0 end)
            as net_revenue_365d,
        sum(
            case
                when {{ day_365 }} <= as_of.as_of
                    then buyers.net_revenue_365d * buyers.net_revenue_365d
                else 0
            end
        ) as squares_365d

    from buyers
    cross join as_of
    inner join customers
        on buyers.customer_id = customers.customer_id
    left join referrals
        on buyers.customer_id = referrals.customer_id
    group by
        customers.attribute_group,
        referrals.customer_id is not null,
        cast({{ dbt.date_trunc('month', 'buyers.first_purchase_date') }} as date)

),

monthly as (

    select
        {{ segment_columns() }},
        {%- for side, is_side in sides.items() %}
        {%- for measure, data_type in measures.items() %}
        cast(
            sum(case when {{ is_side }} then grouped_buyers.{{ measure }} else 0 end)
            as {{ data_type }}
        ) as {{ side }}_{{ measure }},
        {%- endfor %}
        {%- endfor %}
        grouped_buyers.month

    from grouped_buyers
    inner join attributes
        on grouped_buyers.attribute_group = attributes.attribute_group
    group by {{ segment_sets(['month']) }}

)

select
    segment_name,
    segment_value,
    {%- for side in sides %}
    {%- for measure in measures %}
    {{ side }}_{{ measure }},
    {%- endfor %}
    {%- endfor %}
    'month' as period_grain,
    month as period_start

from monthly

union all

select
    segment_name,
    segment_value,
    {%- for side in sides %}
    {%- for measure, data_type in measures.items() %}
    cast(sum({{ side }}_{{ measure }}) as {{ data_type }}) as {{ side }}_{{ measure }},
    {%- endfor %}
    {%- endfor %}
    'all' as period_grain,
    cast(null as date) as period_start

from monthly
group by segment_name, segment_value
