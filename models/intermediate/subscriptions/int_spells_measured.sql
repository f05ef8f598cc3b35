{%- set observed_from = "cast(nullif('" ~ var("subscriptions_observed_from") ~ "', '') as date)" -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

spells_of_today as (

    select * from {{ ref('int_subscriptions_merged_to_spells') }}
    where customer_id not in (select customer_id from {{ ref('int_customers_until_a_merge') }})

),

-- A running spell is observed until the last day. A spell that began before its end would have been
-- recorded enters the observation late.
spells as (

    select
        spells.*,
        spells.ended_on is not null as is_ended,
        coalesce(spells.ended_on, as_of.last_day) as observed_until,
        case when spells.started_on < {{ observed_from }} then {{ observed_from }} end as entered_on

    from spells_of_today as spells
    cross join as_of

),

with_calendar_months as (

    select
        *,
        {{ months_between('started_on', 'observed_until') }} as calendar_months,
        {{ months_between('started_on', 'entered_on') }} as calendar_months_to_entry

    from spells

),

-- The months of a spell begin on the day of the month on which it started, or on the last day of a
-- shorter month. These are the ones in the calendar months of the last observed day and of the entry.
with_month_start as (

    select
        *,
        cast({{ dbt.dateadd('month', 'calendar_months', 'started_on') }} as date) as month_start,
        cast(
            {{ dbt.dateadd('month', 'calendar_months_to_entry', 'started_on') }} as date
        ) as month_start_at_entry

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
    {{ dbt.datediff('started_on', 'entered_on', 'day') }} as days_before_entry,
    -- a month of which only a part was observed is left out, as the last month of a running spell is
    case
        when month_start_at_entry < entered_on then calendar_months_to_entry + 1
        else calendar_months_to_entry
    end as months_before_entry,
    month_start = observed_until as is_whole_months

from with_month_start
