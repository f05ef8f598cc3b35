{%- set is_dated = var('merges_apply') == 'from_the_merge_on' -%}
{#- A stay that a merge cut short is neither over nor going on. -#}
{%- set is_over = 'case when not stays.is_merged_away then stays.left_on is not null end' if is_dated
    else 'stays.left_on is not null' -%}
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
{{ 'stays_of_everyone' if is_dated else 'stays' }} as (

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
{%- if is_dated %}

-- Who leaves by a merge goes to (merged), a stage that nobody is in.
stays as (

    select
        side,
        customer_id,
        stage,
        previous_stage,
        entered_on,
        left_on,
        is_on_one_side,
        false as is_merged_away
    from stays_of_everyone
    where customer_id not in (select dated_customer_id from {{ ref('int_accounts_dated') }})

    union all

    select
        side,
        customer_of_today_id as customer_id,
        stage,
        previous_stage,
        entered_on,
        left_on,
        false as is_on_one_side,
        is_merged_away
    from {{ ref('int_stages_dated') }}

    union all

    select
        side,
        customer_of_today_id as customer_id,
        '(merged)' as stage,
        stage as previous_stage,
        left_on as entered_on,
        left_on,
        false as is_on_one_side,
        false as is_merged_away
    from {{ ref('int_stages_dated') }}
    where is_merged_away

),
{%- endif %}

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
        {{ is_over }} as is_over,
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
        {{ is_over }}

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
