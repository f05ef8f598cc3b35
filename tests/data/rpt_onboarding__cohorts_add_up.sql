-- Who began, day by day: acquired by core.dim_customers, or on trial before that.
with

trials as (

    select
        customer_id,
        min({{ local_date('in_force_from') }}) as first_trial_on
    from {{ ref('int_subscription_versions_priced') }}
    where is_trial
    group by customer_id

),

beginners as (

    select
        customers.customer_id,
        least(customers.acquired_on, trials.first_trial_on) as began_on
    from {{ ref('dim_customers') }} as customers
    left join trials
        on customers.customer_id = trials.customer_id
    where coalesce(customers.acquired_on, trials.first_trial_on) is not null

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

expected as (

    select
        cast({{ dbt.date_trunc('month', 'beginners.began_on') }} as date) as cohort_start,
        count(*) as customers,
        sum(
            case
                when {{ dbt.dateadd('day', 7, 'beginners.began_on') }} <= as_of.last_day then 1
                else 0
            end
        ) as mature_customers_7d

    from beginners
    cross join as_of
    group by cast({{ dbt.date_trunc('month', 'beginners.began_on') }} as date)

),

reported as (

    select
        cohort_start,
        milestone,
        period_grain,
        customers,
        mature_customers_7d
    from {{ ref('rpt_onboarding') }}
    where segment_name = 'all'

),

names as (

    select distinct milestone from reported

)

-- A milestone has every cohort, and no other one.
select
    names.milestone,
    expected.cohort_start,
    expected.customers as began,
    reported.customers,
    reported.mature_customers_7d

from names
cross join expected
left join reported
    on
        names.milestone = reported.milestone
        and expected.cohort_start = reported.cohort_start
where
    reported.customers is distinct from expected.customers
    or reported.mature_customers_7d is distinct from expected.mature_customers_7d

union all

-- All time is the sum of the months.
select
    milestone,
    null as cohort_start,
    (select sum(customers) from expected) as began,
    sum(case when period_grain = 'all' then customers end) as customers,
    sum(case when period_grain = 'all' then mature_customers_7d end) as mature_customers_7d

from reported
group by milestone
having
    sum(case when period_grain = 'all' then customers end)
    is distinct from (select sum(customers) from expected)
    or sum(case when period_grain = 'all' then mature_customers_7d end)
    is distinct from (select sum(mature_customers_7d) from expected)
