with

started as (

    select count(distinct subscription_id) as trials
    from {{ ref('int_subscription_versions_priced') }}
    where is_trial

),

reported as (

    select
        coalesce(sum(trials_started), 0) as trials,
        coalesce(
            sum(case when trials_converted + trials_running > trials_started then 1 else 0 end), 0
        ) as impossible_months
    from {{ ref('rpt_trials') }}
    where segment_name = 'all'

)

select
    started.trials as trials_started,
    reported.trials as trials_reported,
    reported.impossible_months

from started
cross join reported
where started.trials <> reported.trials or reported.impossible_months > 0
