{#- A customer is lost to a ticket within so many days. -#}
{%- set churn_days = 60 -%}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Others are compared on the first day of the next month: customers who came in the month of the
-- ticket are there by then. Only months whose next first day has had its 60 days.
months as (

    select
        months.month as ticket_month,
        cast({{ dbt.dateadd('month', 1, 'months.month') }} as date) as compared_on

    from {{ ref('int_months_spined') }} as months
    cross join as_of
    where
        {{ dbt.dateadd('day', churn_days, dbt.dateadd('month', 1, 'months.month')) }}
        <= as_of.last_day

),

tickets as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'opened_on') }} as date) as ticket_month
    from {{ ref('int_tickets_assessed') }}
    where is_counted

),

-- Of the first days of months: on which of them the customer is one, and from which of them on the
-- loss is at most 60 days away.
runs as (

    select
        runs.customer_id,
        runs.started_on,
        runs.ended_on,
        {% set month_before
            = dbt.date_trunc('month', dbt.dateadd('day', -1, 'runs.started_on')) -%}
        cast({{ dbt.dateadd('month', 1, month_before) }} as date) as first_day,
        cast({{ dbt.date_trunc('month', 'runs.ended_on') }} as date) as last_day,
        {% set month_before
            = dbt.date_trunc('month', dbt.dateadd('day', -churn_days - 1, 'runs.ended_on')) -%}
        cast({{ dbt.dateadd('month', 1, month_before) }} as date) as first_day_of_loss,
        cast({{ dbt.date_trunc('month', 'customers.acquired_on') }} as date) as cohort_month

    from {{ ref('int_activities_merged_to_runs') }} as runs
    inner join {{ ref('dim_customers') }} as customers
        on runs.customer_id = customers.customer_id
    where runs.basis = 'any'

),

-- Tickets of customers, the day of a loss included: many leave at once.
tickets_of_customers as (

    select
        tickets.ticket_month,
        months.compared_on,
        runs.cohort_month,
        {%- set seconds
            = dbt.datediff('tickets.opened_at', 'tickets.first_response_at', 'second') %}
        case
            when {{ seconds }} <= 3600 then 'up to 1 h'
            when {{ seconds }} <= 4 * 3600 then 'up to 4 h'
            when {{ seconds }} <= 24 * 3600 then 'up to 24 h'
            else 'later or never'
        end as speed_band,
        case
            when runs.ended_on <= {{ dbt.dateadd('day', churn_days, 'tickets.opened_on') }} then 1
            else 0
        end as is_lost

    from tickets
    inner join months
        on tickets.ticket_month = months.ticket_month
    inner join runs
        on
            tickets.customer_id = runs.customer_id
            and tickets.opened_on >= runs.started_on
            and tickets.opened_on <= coalesce(runs.ended_on, tickets.opened_on)

),

-- The first days of months on which a customer had a ticket in the 60 days before.
days_with_ticket as (

    select distinct
        tickets.customer_id,
        months.compared_on
    from tickets
    inner join months
        on
            tickets.opened_on < months.compared_on
            and {{ dbt.dateadd('day', churn_days, 'tickets.opened_on') }} >= months.compared_on

),

run_groups as (

    select
        cohort_month,
        first_day,
        last_day,
        first_day_of_loss,
        count(*) as customers

    from runs
    group by cohort_month, first_day, last_day, first_day_of_loss

),

strata as (

    select distinct
        cohort_month,
        compared_on
    from tickets_of_customers

),

-- All customers of the age, less those with a ticket.
changes as (

    select
        strata.cohort_month,
        strata.compared_on,
        run_groups.customers,
        case
            when strata.compared_on >= run_groups.first_day_of_loss then run_groups.customers
            else 0
        end as lost_customers

    from strata
    inner join run_groups
        on
            strata.cohort_month = run_groups.cohort_month
            and strata.compared_on >= run_groups.first_day
            and strata.compared_on <= coalesce(run_groups.last_day, strata.compared_on)

    union all

    select
        runs.cohort_month,
        days.compared_on,
        -1 as customers,
        case
            when
                runs.ended_on
                <= {{ dbt.dateadd('day', churn_days, 'days.compared_on') }}
                then -1
            else 0
        end as lost_customers

    from days_with_ticket as days
    inner join runs
        on
            days.customer_id = runs.customer_id
            and days.compared_on >= runs.started_on
            and days.compared_on <= coalesce(runs.ended_on, days.compared_on)

),

-- NULL where no customer of the age is without a ticket.
others as (

    select
        cohort_month,
        compared_on,
        {{ safe_divide('sum(lost_customers)', 'sum(customers)') }} as churn_rate

    from changes
    group by cohort_month, compared_on

),

-- Others weigh as much as the tickets of their age and month.
totals as (

    select
        tickets.ticket_month as period_start,
        case when grouping(tickets.ticket_month) = 0 then 'month' else 'all' end as period_grain,
        case when grouping(tickets.speed_band) = 0 then tickets.speed_band else 'all' end
            as speed_band,
        count(others.churn_rate) as tickets,
        sum(case when others.churn_rate is not null then tickets.is_lost else 0 end)
            as lost_tickets,
        {{ order_free_sum('others.churn_rate', 20) }} as expected_lost_tickets,
        sum(case when others.churn_rate is null then 1 else 0 end) as tickets_without_others

    from tickets_of_customers as tickets
    left join others
        on
            tickets.cohort_month = others.cohort_month
            and tickets.compared_on = others.compared_on
    group by cube (tickets.ticket_month, tickets.speed_band)

)

select
    period_grain,
    period_start,
    speed_band,
    cast(tickets as bigint) as tickets,
    cast(lost_tickets as bigint) as lost_tickets,
    {{ safe_divide('lost_tickets', 'tickets') }} as churn_rate,
    {{ wilson_low('lost_tickets', 'tickets') }} as churn_ci_low,
    {{ wilson_high('lost_tickets', 'tickets') }} as churn_ci_high,
    {{ safe_divide('expected_lost_tickets', 'tickets') }} as churn_rate_without_ticket,
    cast(tickets_without_others as bigint) as tickets_without_others

from totals
where tickets + tickets_without_others > 0
