with

active_stages as (

    select distinct stage
    from {{ ref('journey_stages') }}
    where is_active

),

in_active_stages as (

    select
        case when stages.side = 'overall' then 'any' else stages.side end as basis,
        stages.segment_name,
        stages.segment_value,
        stages.month,
        sum(stages.customers_at_start) as customers_at_start,
        sum(stages.customers_at_end) as customers_at_end

    from {{ ref('rpt_stages') }} as stages
    inner join active_stages
        on stages.stage = active_stages.stage
    group by stages.side, stages.segment_name, stages.segment_value, stages.month

)

select
    rates.basis,
    rates.segment_name,
    rates.segment_value,
    rates.period_start,
    rates.customers_at_end,
    in_active_stages.customers_at_end as customers_in_active_stages

from {{ ref('rpt_retention_rates') }} as rates
left join in_active_stages
    on
        rates.basis = in_active_stages.basis
        and rates.segment_name = in_active_stages.segment_name
        and rates.segment_value = in_active_stages.segment_value
        and rates.period_start = in_active_stages.month
where
    rates.period_grain = 'month'
    and (
        rates.customers_at_start <> coalesce(in_active_stages.customers_at_start, 0)
        or rates.customers_at_end <> coalesce(in_active_stages.customers_at_end, 0)
    )
