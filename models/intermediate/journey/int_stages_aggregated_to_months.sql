with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customers as (

    select * from {{ ref('int_customers_segmented') }}

),

buyer_stages as (

    select * from {{ ref('int_purchases_merged_to_stages') }}

),

subscriber_stages as (

    select * from {{ ref('int_subscriptions_merged_to_stages') }}

),

best_stages as (

    select * from {{ ref('int_stages_merged_to_overall') }}

),

customers_on_both_sides as (

    select distinct customer_id from best_stages

),

-- The stages of customers who only buy are counted once here. Their counts are copied to overall below.
stays as (

    select
        'orders' as side,
        buyer_stages.*,
        customers_on_both_sides.customer_id is null as is_on_one_side
    from buyer_stages
    left join customers_on_both_sides
        on buyer_stages.customer_id = customers_on_both_sides.customer_id

    union all

    select
        'subscriptions' as side,
        subscriber_stages.*,
        false as is_on_one_side
    from subscriber_stages

    union all

    select
        'overall' as side,
        best_stages.*,
        false as is_on_one_side
    from best_stages

),

-- One number stands for the attributes here, since texts are slow keys (decision 0007). A stay that goes
-- on is observed until the last day.
counted_stays as (

    select
        stays.side,
        stays.is_on_one_side,
        customers.attribute_group,
        cast({{ dbt.date_trunc('month', 'stays.entered_on') }} as date) as month,
        stays.previous_stage,
        stays.stage,
        {{ dbt.datediff(
            'stays.entered_on', 'coalesce(stays.left_on, as_of.last_day)', 'day'
        ) }} as days_in_stage,
        stays.left_on is not null as is_over,
        count(*) as stays

    from stays
    cross join as_of
    inner join customers
        on stays.customer_id = customers.customer_id
    group by
        stays.side,
        stays.is_on_one_side,
        customers.attribute_group,
        cast({{ dbt.date_trunc('month', 'stays.entered_on') }} as date),
        stays.previous_stage,
        stays.stage,
        {{ dbt.datediff(
            'stays.entered_on', 'coalesce(stays.left_on, as_of.last_day)', 'day'
        ) }},
        stays.left_on is not null

)

select
    side,
    previous_stage,
    stage,
    cast(days_in_stage as bigint) as days_in_stage,
    is_over,
    month,
    attribute_group,
    is_on_one_side,
    cast(stays as bigint) as stays

from counted_stays

union all

select
    'overall' as side,
    previous_stage,
    stage,
    cast(days_in_stage as bigint) as days_in_stage,
    is_over,
    month,
    attribute_group,
    is_on_one_side,
    cast(stays as bigint) as stays

from counted_stays
where is_on_one_side
