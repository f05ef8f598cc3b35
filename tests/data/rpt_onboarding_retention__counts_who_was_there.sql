{%- set landmark = dbt.dateadd('day', var('landmark_days'), 'began.began_on') -%}
-- Who was there on a day: by each purchase and each spell, not by the runs made of them.
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

activities as (

    select
        customer_id,
        activity_date as active_from,
        active_until
    from {{ ref('int_orders_aggregated_to_customer_days') }}
    where is_purchase_day

    union all

    select
        customer_id,
        started_on as active_from,
        ended_on as active_until
    from {{ ref('int_subscriptions_merged_to_spells') }}

),

active_days as (
    {%- for days in [90, 180] %}
    {%- set horizon = dbt.dateadd('day', days, 'began.began_on') %}

    {{ 'union all' if not loop.first }}

    select
        began.customer_id,
        {{ days }} as horizon_days,
        max(
            case
                when
                    activities.active_from <= {{ landmark }}
                    and coalesce(activities.active_until > {{ landmark }}, true)
                    then 1
                else 0
            end
        ) as is_there,
        max(
            case
                when
                    activities.active_from <= {{ horizon }}
                    and coalesce(activities.active_until > {{ horizon }}, true)
                    then 1
                else 0
            end
        ) as is_retained

    from {{ ref('int_customers_begun') }} as began
    inner join activities
        on began.customer_id = activities.customer_id
    cross join as_of
    where {{ horizon }} <= as_of.last_day
    group by began.customer_id
    {%- endfor %}

),

expected as (

    select
        horizon_days,
        count(*) as customers,
        sum(is_retained) as retained
    from active_days
    where is_there = 1
    group by horizon_days

)

select
    reported.milestone,
    reported.horizon_days,
    expected.customers,
    expected.retained,
    reported.reached_customers,
    reported.other_customers

from {{ ref('rpt_onboarding_retention') }} as reported
left join expected
    on reported.horizon_days = expected.horizon_days
where
    reported.segment_name = 'all'
    and (
        reported.reached_customers + reported.other_customers
        is distinct from expected.customers
        or reported.reached_retained_customers + reported.other_retained_customers
        is distinct from expected.retained
    )
