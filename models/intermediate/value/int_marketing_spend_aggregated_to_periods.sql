with

spend as (

    select * from {{ ref('int_marketing_spend_assessed') }}
    where is_counted

),

days_in_periods as (

    select * from {{ ref('int_days_assigned_to_periods') }}

)

select
    case
        when grouping(spend.channel) = 0 then 'acquisition_channel'
        else 'all'
    end as segment_name,
    coalesce(spend.channel, 'all') as segment_value,
    days_in_periods.period_grain,
    days_in_periods.is_complete,
    days_in_periods.period_start,
    cast(sum(spend.amount) as decimal(18, 2)) as marketing_spend

from spend
inner join days_in_periods
    on spend.spend_date = days_in_periods.date_day
group by grouping sets (
    (days_in_periods.period_grain, days_in_periods.is_complete, days_in_periods.period_start),
    (
        days_in_periods.period_grain,
        days_in_periods.is_complete,
        days_in_periods.period_start,
        spend.channel
    )
)
