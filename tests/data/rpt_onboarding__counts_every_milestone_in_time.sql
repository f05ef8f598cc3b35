-- The customers who reached anything within 30 days, from the rows of the shop and not from the curve.
with

trials as (

    select
        customer_id,
        min({{ local_date('in_force_from') }}) as first_trial_on
    from {{ ref('int_subscription_versions_priced') }}
    where is_trial
    group by customer_id

),

reached as (

    select
        milestones.customer_id,
        min(milestones.reached_on) as reached_on,
        min(least(customers.acquired_on, trials.first_trial_on)) as began_on

    from {{ ref('int_milestones_assessed') }} as milestones
    inner join {{ ref('dim_customers') }} as customers
        on milestones.customer_id = customers.customer_id
    left join trials
        on milestones.customer_id = trials.customer_id
    where milestones.is_counted
    group by milestones.customer_id

),

expected as (

    select
        count(*) as customers,
        coalesce(
            sum(
                case when reached_on <= {{ dbt.dateadd('day', 30, 'began_on') }} then 1 else 0 end
            ), 0
        ) as customers_30d

    from reached
    where began_on is not null

),

reported as (

    select
        coalesce(sum(reached_customers), 0) as customers,
        coalesce(sum(reached_customers_30d), 0) as customers_30d
    from {{ ref('rpt_onboarding') }}
    where segment_name = 'all' and period_grain = 'all' and milestone = 'any'

)

select
    expected.customers as expected_customers,
    reported.customers,
    expected.customers_30d as expected_customers_30d,
    reported.customers_30d

from expected
cross join reported
where expected.customers <> reported.customers or expected.customers_30d <> reported.customers_30d
