-- Bounds that need no estimate. Were all who still wait answered at as_of, half of the tickets would
-- be answered no later than estimated. Were they never answered, no sooner.
with

tickets as (

    select
        date_trunc('month', tickets.opened_on) as period_start,
        {{ dbt.datediff('tickets.opened_at', 'as_of.as_of_at', 'second') }} as seconds_so_far,
        {{ dbt.datediff('tickets.opened_at', 'tickets.resolved_at', 'second') }}
            as seconds_until_resolved,
        {{ dbt.datediff('tickets.opened_at', 'tickets.first_response_at', 'second') }}
            as seconds_until_answered,
        tickets.resolved_at is null as is_open

    from {{ ref('int_tickets_assessed') }} as tickets
    cross join {{ ref('int_as_of') }} as as_of
    where tickets.is_counted

),

bounds as (

    select
        period_start,
        -- the 999999999 stands for never
        percentile_disc(0.5) within group (
            order by floor(coalesce(seconds_until_resolved, seconds_so_far) / 60)
        ) / 60 as soonest_half,
        percentile_disc(0.5) within group (
            order by floor(coalesce(seconds_until_resolved, 999999999) / 60)
        ) / 60 as latest_half,
        percentile_disc(0.899999999) within group (
            order by floor(coalesce(seconds_until_resolved, seconds_so_far) / 60)
        ) / 60 as soonest_most,
        percentile_disc(0.900000001) within group (
            order by floor(coalesce(seconds_until_resolved, 999999999) / 60)
        ) / 60 as latest_most,
        percentile_disc(0.5) within group (
            order by floor(coalesce(
                seconds_until_answered, seconds_until_resolved, seconds_so_far
            ) / 60)
        ) / 60 as soonest_answer

    from tickets
    group by period_start

)

select
    reported.period_start,
    bounds.soonest_half,
    reported.median_resolution_hours,
    bounds.latest_half,
    bounds.soonest_answer,
    reported.median_first_response_hours

from bounds
inner join {{ ref('rpt_support') }} as reported
    on bounds.period_start = reported.period_start
where
    reported.channel = 'all'
    and (
        coalesce(reported.median_resolution_hours, 999999999) < bounds.soonest_half - 1e-6
        or coalesce(reported.median_resolution_hours, 277777) > bounds.latest_half + 1e-6
        or coalesce(reported.p90_resolution_hours, 999999999) < bounds.soonest_most - 1e-6
        or coalesce(reported.p90_resolution_hours, 277777) > bounds.latest_most + 1e-6
        or coalesce(reported.median_first_response_hours, 999999999) < bounds.soonest_answer - 1e-6
        or reported.median_first_response_hours > reported.p90_first_response_hours
        or (reported.median_first_response_hours is null and reported.p90_first_response_hours >= 0)
    )
