with

tickets as (

    select
        count(*) as tickets,
        sum(case when resolved_at is null then 1 else 0 end) as open_tickets,
        sum(case when coalesce(resolved_at, first_response_at) is null then 1 else 0 end)
            as unanswered_tickets
    from {{ ref('int_tickets_assessed') }}
    where is_counted

),

reported as (

    select
        period_grain,
        case when channel = 'all' then 'all' else 'each' end as channels,
        sum(tickets) as tickets,
        sum(open_tickets) as open_tickets,
        sum(unanswered_tickets) as unanswered_tickets
    from {{ ref('rpt_support') }}
    group by period_grain, case when channel = 'all' then 'all' else 'each' end

)

-- all time and months, in total and by channel
select
    tickets.tickets,
    count(reported.tickets) as totals,
    min(reported.tickets) as least_reported,
    max(reported.tickets) as most_reported

from tickets
left join reported
    on tickets.tickets > 0
group by tickets.tickets, tickets.open_tickets, tickets.unanswered_tickets
having
    (tickets.tickets > 0 and count(reported.tickets) <> 4)
    or min(reported.tickets) <> tickets.tickets
    or max(reported.tickets) <> tickets.tickets
    or min(reported.open_tickets) <> tickets.open_tickets
    or max(reported.open_tickets) <> tickets.open_tickets
    or min(reported.unanswered_tickets) <> tickets.unanswered_tickets
    or max(reported.unanswered_tickets) <> tickets.unanswered_tickets
