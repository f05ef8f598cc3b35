{%- set segments = var('segments') -%}
with

customers as (

    select * from {{ ref('int_customers_assessed') }}
    where coalesce(not_counted_reason, '') <> 'deleted'

),

orders as (

    select * from {{ ref('int_orders_assessed') }}
    where is_counted and customer_id is not null and subscription_id is null

),

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

versions as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where
        not_counted_reason is null
        and customer_id not in (select customer_id from {{ ref('int_customers_until_a_merge') }})

),

value_bands as (

    select
        value_band,
        minimum_amount,
        lead(minimum_amount) over (order by minimum_amount) as next_minimum_amount
    from {{ ref('order_value_bands') }}

),

known_customers as (

    select customer_id from customers
    where is_counted

    union distinct

    select customer_id from customer_days

    union distinct

    select customer_id from versions

),

orders_in_sequence as (

    select
        customer_id,
        amount,
        row_number() over (partition by customer_id order by ordered_at, order_id) as order_number

    from orders

),

first_orders as (

    select
        orders_in_sequence.customer_id,
        value_bands.value_band

    from orders_in_sequence
    inner join value_bands
        on
            orders_in_sequence.amount >= value_bands.minimum_amount
            and (
                value_bands.next_minimum_amount is null
                or orders_in_sequence.amount < value_bands.next_minimum_amount
            )
    where orders_in_sequence.order_number = 1

),

paying_in_sequence as (

    select
        customer_id,
        plan_id,
        billing_interval,
        row_number() over (
            partition by customer_id
            order by pays_from asc, subscription_id asc, mrr desc, item_id asc, valid_from asc
        ) as sequence_number

    from versions
    where is_paying

),

first_plans as (

    select * from paying_in_sequence
    where sequence_number = 1

),

attributes as (

    select
        known_customers.customer_id,
        coalesce(customers.acquisition_channel, '(none)') as acquisition_channel,
        coalesce(customers.country, '(none)') as country,
        coalesce(first_plans.plan_id, '(none)') as first_plan_id,
        coalesce(first_plans.billing_interval, '(none)') as first_billing_interval,
        coalesce(first_orders.value_band, '(none)')
            as first_order_value_band{{ pass_through_attributes('customers') }}

    from known_customers
    left join customers
        on known_customers.customer_id = customers.customer_id
    left join first_orders
        on known_customers.customer_id = first_orders.customer_id
    left join first_plans
        on known_customers.customer_id = first_plans.customer_id

){% if segments %},

-- A number for each combination of attributes. A rank over all customers would sort all of them, in one task on Spark.
attribute_groups as (

    select
        *,
        row_number() over (order by {{ segments | join(', ') }}) as attribute_group

    from (
        select distinct {{ segments | join(', ') }}
        from attributes
    ) as combinations

)

select
    attributes.*,
    cast(attribute_groups.attribute_group as bigint) as attribute_group

from attributes
inner join attribute_groups
    on {{ equal_segments('attributes', 'attribute_groups') }}
{%- else %}

select
    *,
    cast(1 as bigint) as attribute_group

from attributes
{%- endif %}
