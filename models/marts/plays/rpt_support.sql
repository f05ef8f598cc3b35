with

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- A channel that is named like the total has no name.
tickets as (

    select
        tickets.*,
        coalesce(nullif(tickets.channel, 'all'), '(none)') as channel_name,
        cast({{ dbt.date_trunc('month', 'tickets.opened_on') }} as date) as month
    from {{ ref('int_tickets_assessed') }} as tickets
    where tickets.is_counted

),

counts as (

    select
        month as period_start,
        case when grouping(month) = 0 then 'month' else 'all' end as period_grain,
        case when grouping(channel_name) = 0 then channel_name else 'all' end as channel,
        count(*) as tickets,
        sum(case when resolved_at is null then 1 else 0 end) as open_tickets,
        sum(case when first_response_at is null and resolved_at is null then 1 else 0 end)
            as unanswered_tickets,
        sum(transfers) as transfers,
        count(transfers) as tickets_with_transfers

    from tickets
    group by grouping sets ((month, channel_name), (month), (channel_name), ())

),

-- A ticket that was resolved without an answer has waited for one until then.
waits as (

    select
        tickets.month,
        tickets.channel_name,
        'first_response' as measure,
        tickets.opened_at as waits_from,
        coalesce(tickets.first_response_at, tickets.resolved_at, as_of.as_of_at) as waits_until,
        case when tickets.first_response_at is not null then 1 else 0 end as is_event
    from tickets
    cross join as_of

    union all

    select
        tickets.month,
        tickets.channel_name,
        'resolution' as measure,
        tickets.opened_at as waits_from,
        coalesce(tickets.resolved_at, as_of.as_of_at) as waits_until,
        case when tickets.resolved_at is not null then 1 else 0 end as is_event
    from tickets
    cross join as_of

),

-- Whole minutes: a year has far fewer of them than seconds.
measured as (

    select
        month,
        channel_name,
        measure,
        is_event,
        cast(floor({{ dbt.datediff('waits_from', 'waits_until', 'second') }} / 60e0) as bigint)
            as minutes

    from waits

),

observed as (

    select
        month as period_start,
        case when grouping(month) = 0 then 'month' else 'all' end as period_grain,
        case when grouping(channel_name) = 0 then channel_name else 'all' end as channel,
        measure,
        minutes,
        sum(is_event) as events,
        count(*) as leaving

    from measured
    group by
        grouping sets (
            (measure, minutes, month, channel_name),
            (measure, minutes, month),
            (measure, minutes, channel_name),
            (measure, minutes)
        )

),

with_at_risk as (

    select
        *,
        sum(leaving) over (
            partition by period_grain, period_start, channel, measure
            order by minutes desc
            rows between unbounded preceding and current row
        ) as at_risk

    from observed

),

-- The sum of logs is free of the order of rows. Where all who waited are answered, no one waits.
with_log_waiting as (

    select
        *,
        coalesce({{ order_free_sum(
            'case when events < at_risk then ln(1 - cast(events as double) / at_risk) end', 20
        ) }} over (
            partition by period_grain, period_start, channel, measure
            order by minutes
            rows between unbounded preceding and current row
        ), 0) as log_waiting

    from with_at_risk

),

-- A share of one half may be off by its last digit, so it is rounded before it is compared.
with_waiting as (

    select
        *,
        case
            when events = at_risk then 0
            else round(exp(cast(log_waiting as double)), 12)
        end as waiting

    from with_log_waiting

),

quantiles as (

    select
        period_grain,
        period_start,
        channel,
        min(case when measure = 'first_response' and waiting <= 0.5 then minutes end)
            as median_first_response_minutes,
        min(case when measure = 'first_response' and waiting <= 0.1 then minutes end)
            as p90_first_response_minutes,
        min(case when measure = 'resolution' and waiting <= 0.5 then minutes end)
            as median_resolution_minutes,
        min(case when measure = 'resolution' and waiting <= 0.1 then minutes end)
            as p90_resolution_minutes

    from with_waiting
    group by period_grain, period_start, channel

)

select
    counts.period_grain,
    counts.period_start,
    counts.channel,
    cast(counts.tickets as bigint) as tickets,
    cast(counts.open_tickets as bigint) as open_tickets,
    cast(counts.unanswered_tickets as bigint) as unanswered_tickets,
    quantiles.median_first_response_minutes / 60e0 as median_first_response_hours,
    quantiles.p90_first_response_minutes / 60e0 as p90_first_response_hours,
    quantiles.median_resolution_minutes / 60e0 as median_resolution_hours,
    quantiles.p90_resolution_minutes / 60e0 as p90_resolution_hours,
    {{ safe_divide('counts.transfers', 'counts.tickets_with_transfers') }} as mean_transfers,
    coalesce({{ dbt.dateadd('month', 1, 'counts.period_start') }} <= as_of.as_of, false)
        as is_complete

from counts
cross join as_of
inner join quantiles
    on
        counts.period_grain = quantiles.period_grain
        and counts.period_start is not distinct from quantiles.period_start
        and counts.channel = quantiles.channel
