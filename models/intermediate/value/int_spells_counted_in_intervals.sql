with

spells as (

    select * from {{ ref('int_spells_measured') }}

),

-- Every spell counts twice: in its own billing interval and, as 'all', in months. A billing
-- interval with too few spells is predicted by 'all'.
in_intervals as (

    select
        *,
        billing_interval as interval_name,
        case interval_unit
            when 'month' then interval_count
            when 'year' then 12 * interval_count
        end as months_of_interval,
        case interval_unit
            when 'day' then interval_count
            when 'week' then 7 * interval_count
        end as days_of_interval,
        {{ months_per_interval('interval_unit', 'interval_count') }} as months_per_interval

    from spells

    union all

    select
        *,
        'all' as interval_name,
        1 as months_of_interval,
        cast(null as bigint) as days_of_interval,
        1e0 as months_per_interval

    from spells

),

counted as (

    select
        *,
        floor(
            case
                when months_of_interval is not null then whole_months_lasted / months_of_interval
                else days_lasted / days_of_interval
            end
        ) as intervals_lasted,
        case
            when months_of_interval is not null
                then is_whole_months and whole_months_lasted % months_of_interval = 0
            else days_lasted % days_of_interval = 0
        end as is_whole_intervals,
        ceiling(
            case
                when months_of_interval is not null then months_before_entry / months_of_interval
                else days_before_entry / days_of_interval
            end
        ) as intervals_before_entry

    from in_intervals

)

-- A subscriber who left skipped one renewal: the one due on the day of the end, or else the next. An interval of which
-- only a part was observed is before the entry.
select
    customer_id,
    interval_name as billing_interval,
    spell_number,
    cast(
        case
            when is_ended and is_whole_intervals then greatest(intervals_lasted, 1)
            when is_ended then intervals_lasted + 1
            else intervals_lasted
        end as bigint
    ) as renewals,
    cast(coalesce(intervals_before_entry, 0) as bigint) as renewals_before_entry,
    months_per_interval,
    is_ended

from counted
