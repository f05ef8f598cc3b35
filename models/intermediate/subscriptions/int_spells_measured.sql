with

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- A running spell is observed until the last day.
spells as (

    select
        spells.*,
        spells.ended_on is not null as is_ended,
        coalesce(spells.ended_on, as_of.last_day) as observed_until

    from {{ ref('int_subscriptions_merged_to_spells') }} as spells
    cross join as_of

),

with_calendar_months as (

    select
        *,
        {{ dbt.datediff('started_on', 'observed_until', 'month') }} as calendar_months

    from spells

),

-- The months of a spell begin on the day of the month on which it started, or on the last day of a
-- shorter month. This is the one of them in the calendar month of the last observed day.
with_month_start as (

    select
        *,
        cast({{ dbt.dateadd('month', 'calendar_months', 'started_on') }} as date) as month_start

    from with_calendar_months

)

select
    customer_id,
    billing_interval,
    interval_unit,
    cast(spell_number as bigint) as spell_number,
    interval_count,
    is_ended,
    started_on,
    observed_until,
    {{ dbt.datediff('started_on', 'observed_until', 'day') }} as days_lasted,
    case
        when month_start > observed_until then calendar_months - 1
        else calendar_months
    end as whole_months_lasted,
    month_start = observed_until as is_whole_months

from with_month_start
