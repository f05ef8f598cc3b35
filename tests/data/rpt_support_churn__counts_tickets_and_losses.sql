with

-- Tickets of months whose next first day has had its 60 days, of who was a customer on that day.
tickets as (

    select
        count(*) as tickets,
        sum(
            case when runs.ended_on <= {{ dbt.dateadd('day', 60, 'tickets.opened_on') }} then 1 end
        ) as lost_tickets

    from {{ ref('int_tickets_assessed') }} as tickets
    inner join {{ ref('int_activities_merged_to_runs') }} as runs
        on
            tickets.customer_id = runs.customer_id
            and runs.basis = 'any'
            and runs.started_on <= tickets.opened_on
            and coalesce(runs.ended_on >= tickets.opened_on, true)
    cross join {{ ref('int_as_of') }} as as_of
    where
        tickets.is_counted
        {%- set month = dbt.date_trunc('month', 'tickets.opened_on') %}
        and {{ dbt.dateadd('day', 60, dbt.dateadd('month', 1, month)) }}
        < as_of.as_of

),

reported as (

    select
        period_grain,
        case when speed_band = 'all' then 'all' else 'each' end as bands,
        sum(tickets) as tickets,
        sum(lost_tickets) as lost_tickets,
        sum(tickets_without_others) as tickets_without_others,
        sum(churn_rate_without_ticket * tickets) as expected_lost_tickets,
        max(churn_rate_without_ticket) as highest_rate,
        min(churn_rate_without_ticket) as lowest_rate
    from {{ ref('rpt_support_churn') }}
    group by period_grain, case when speed_band = 'all' then 'all' else 'each' end

)

-- all time and months, in total and by band
select
    max(tickets.tickets) as tickets,
    min(reported.tickets + reported.tickets_without_others) as least_reported,
    max(reported.tickets + reported.tickets_without_others) as most_reported,
    max(tickets.lost_tickets) as lost_tickets,
    max(reported.lost_tickets) as most_lost

from tickets
left join reported
    on tickets.tickets > 0
having
    (max(tickets.tickets) > 0 and count(reported.tickets) <> 4)
    or min(reported.tickets + reported.tickets_without_others) <> max(tickets.tickets)
    or max(reported.tickets + reported.tickets_without_others) <> max(tickets.tickets)
    or min(reported.tickets) <> max(reported.tickets)
    or min(reported.lost_tickets) <> max(reported.lost_tickets)
    or max(reported.lost_tickets) > max(coalesce(tickets.lost_tickets, 0))
    or max(reported.lost_tickets + reported.tickets_without_others)
    < max(coalesce(tickets.lost_tickets, 0))
    or max(reported.expected_lost_tickets) - min(reported.expected_lost_tickets) > 1e-6
    or max(reported.highest_rate) > 1
    or min(reported.lowest_rate) < 0
