with

as_of as (

    select * from {{ ref('int_as_of') }}

),

spells as (

    select
        spells.*,
        spells.ended_on is not null as is_ended,
        -- a spell that runs has been seen until the last day
        coalesce(spells.ended_on, as_of.last_day) as observed_until

    from {{ ref('int_subscriptions_merged_to_spells') }} as spells
    cross join as_of

),

in_its_intervals as (

    select
        *,
        billing_interval as interval_name,
        case interval_unit
            when 'month' then interval_count
            when 'year' then 12 * interval_count
        end as calendar_months,
        case interval_unit
            when 'day' then interval_count
            when 'week' then 7 * interval_count
        end as days,
        -- as recurring revenue is brought to a month
        interval_count * case interval_unit
            when 'day' then 12.0 / 365 when 'week' then 12.0 / 52 when 'year' then 12.0 else 1.0
        end as months_per_interval

    from spells

    union all

    -- all together in months, for those whose own interval is too rare
    select
        *,
        'all' as interval_name,
        1 as calendar_months,
        cast(null as bigint) as days,
        1.0 as months_per_interval

    from spells

),

with_months as (

    select
        *,
        {{ dbt.datediff('started_on', 'observed_until', 'month') }} as months_touched,
        {{ dbt.datediff('started_on', 'observed_until', 'day') }} as days_lasted

    from in_its_intervals

),

with_whole_months as (

    select
        *,
        case
            when {{ dbt.dateadd('month', 'months_touched', 'started_on') }} > observed_until
                then months_touched - 1
            else months_touched
        end as months_lasted

    from with_months

),

with_intervals as (

    select
        *,
        floor(
            case
                when calendar_months is not null then months_lasted / calendar_months
                else days_lasted / days
            end
        ) as intervals_lasted,
        case
            when calendar_months is not null
                then
                    {{ dbt.dateadd('month', 'months_lasted', 'started_on') }} = observed_until
                    and months_lasted % calendar_months = 0
            else days_lasted % days = 0
        end as is_whole

    from with_whole_months

)

select
    customer_id,
    interval_name as billing_interval,
    cast(spell_number as bigint) as spell_number,
    cast(
        case
            -- who left did not renew once more: at the latest renewal, or in what followed it
            when is_ended and is_whole then greatest(intervals_lasted, 1)
            when is_ended then intervals_lasted + 1
            else intervals_lasted
        end as bigint
    ) as renewals,
    months_per_interval,
    is_ended

from with_intervals
