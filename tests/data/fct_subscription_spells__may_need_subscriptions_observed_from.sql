{{ config(severity='warn') }}

-- The number of ends that the log-rank test expects before the first end of all. Each end counts with
-- the share, among all spells that reached its duration, of those that reached it before the first
-- end. Where 7 are expected, none is seen with a probability below 1 in 1,000 (e ^ -7).
with

first_end as (

    select min(ended_on) as first_ended_on
    from {{ ref('fct_subscription_spells') }}

),

early_spells as (

    select
        {{ dbt.datediff('spells.started_on', 'first_end.first_ended_on', 'day') }} as days_before,
        first_end.first_ended_on

    from {{ ref('fct_subscription_spells') }} as spells
    inner join first_end
        on spells.started_on < first_end.first_ended_on

),

hazards as (

    select
        duration,
        sum(hazard) over (order by duration) as cumulative_hazard
    from {{ ref('rpt_subscription_survival') }}
    where time_unit = 'day' and segment_name = 'all'

)

select
    early_spells.first_ended_on,
    count(*) as spells_before,
    sum(hazards.cumulative_hazard) as expected_ends_before

from early_spells
inner join hazards
    on hazards.duration = early_spells.days_before - 1
where '{{ var("subscriptions_observed_from") }}' = ''
group by early_spells.first_ended_on
having sum(hazards.cumulative_hazard) > 7
