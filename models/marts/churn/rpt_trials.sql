with

as_of as (

    select * from {{ ref('int_as_of') }}

),

versions as (

    select * from {{ ref('int_subscription_versions_priced') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

months as (

    select * from {{ ref('int_months_spined') }}

),

-- A subscription has one trial, however many versions report it.
trials as (

    select
        versions.subscription_id,
        versions.customer_id,
        min(versions.in_force_from) as started_at,
        max(
            case
                when
                    coalesce(versions.in_force_to >= as_of.as_of_at, true)
                    and coalesce(versions.trial_ends_at >= as_of.as_of_at, true)
                    then 1
                else 0
            end
        ) as is_still_in_trial

    from versions
    cross join as_of
    where versions.is_trial
    group by versions.subscription_id, versions.customer_id

),

last_payments as (

    select
        subscription_id,
        max(pays_from) as last_pays_from

    from versions
    where is_paying
    group by subscription_id

),

outcomes as (

    select
        trials.customer_id,
        trials.is_still_in_trial,
        case when last_payments.last_pays_from > trials.started_at then 1 else 0 end
            as is_converted,
        cast({{ dbt.date_trunc('month', local_date('trials.started_at')) }} as date) as month

    from trials
    left join last_payments
        on trials.subscription_id = last_payments.subscription_id

),

totals as (

    select
        {{ segment_columns() }},
        outcomes.month,
        count(*) as trials_started,
        sum(outcomes.is_converted) as trials_converted,
        sum(
            case when outcomes.is_converted = 0 then outcomes.is_still_in_trial else 0 end
        ) as trials_running

    from outcomes
    inner join customers
        on outcomes.customer_id = customers.customer_id
    group by {{ segment_sets(['month']) }}

)

select
    totals.segment_name,
    totals.segment_value,
    totals.month,
    cast(totals.trials_started as bigint) as trials_started,
    cast(totals.trials_converted as bigint) as trials_converted,
    cast(totals.trials_running as bigint) as trials_running,
    {{ safe_divide('totals.trials_converted', 'totals.trials_started') }} as conversion_rate,
    {{ wilson_low('totals.trials_converted', 'totals.trials_started') }} as conversion_ci_low,
    {{ wilson_high('totals.trials_converted', 'totals.trials_started') }} as conversion_ci_high,
    months.is_complete and totals.trials_running = 0 as is_complete

from totals
inner join months
    on totals.month = months.month
