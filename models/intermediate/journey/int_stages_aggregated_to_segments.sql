with

stays as (

    select * from {{ ref('int_stages_aggregated_to_months') }}
    where stage <> '(merged)'

),

attribute_groups as (

    select distinct customers.attribute_group{{ segment_attributes('customers') }}
    from {{ ref('int_customers_segmented') }} as customers

),

-- Numbers stand for segments and stages until the end, since texts are slow keys (decision 0007).
segments as (

    select
        segment_name,
        segment_value,
        attribute_group,
        cast(dense_rank() over (order by segment_name, segment_value) as integer) as segment_number

    from (
        select
            {{ segment_columns() }},
            attribute_group
        from attribute_groups
        group by {{ segment_sets(['attribute_group']) }}
    ) as segments_of_groups

),

segment_names as (

    select distinct
        segment_number,
        segment_name,
        segment_value
    from segments

),

stages as (

    select
        side,
        stage,
        cast(row_number() over (order by side, stage) as integer) as stage_number

    from stays
    group by side, stage

),

-- Groups first: a stay counts in several segments, so fewer rows meet each of them.
grouped_durations as (

    select
        stays.attribute_group,
        stages.stage_number,
        stays.month,
        stays.days_in_stage,
        cast(sum(stays.stays) as bigint) as stays,
        cast(sum(case when stays.is_over then stays.stays else 0 end) as bigint) as ended,
        cast(sum(case when not stays.is_over then stays.stays else 0 end) as bigint) as ongoing

    from stays
    inner join stages
        on stays.side = stages.side and stays.stage = stages.stage
    group by stays.attribute_group, stages.stage_number, stays.month, stays.days_in_stage

),

durations as (

    select
        segments.segment_number,
        grouped_durations.stage_number,
        grouped_durations.month,
        grouped_durations.days_in_stage,
        cast(sum(grouped_durations.stays) as bigint) as stays,
        cast(sum(grouped_durations.ended) as bigint) as ended,
        cast(sum(grouped_durations.ongoing) as bigint) as ongoing

    from grouped_durations
    inner join segments
        on grouped_durations.attribute_group = segments.attribute_group
    group by
        segments.segment_number,
        grouped_durations.stage_number,
        grouped_durations.month,
        grouped_durations.days_in_stage

),

-- At risk of an end after so many days: every stay that lasted as long.
with_at_risk as (

    select
        *,
        cast(
            sum(stays) over (
                partition by segment_number, stage_number, month
                order by days_in_stage
                rows between current row and unbounded following
            ) as bigint
        ) as at_risk

    from durations

),

-- The Kaplan-Meier estimate, by logs. Where all who are left end, survival is 0. Sums of decimals do not
-- depend on the order of rows, and those of 18 digits are three times as fast as those of 38.
with_survival as (

    select
        *,
        case
            when ended = at_risk then 0
            else exp(cast(coalesce(sum(
                cast(
                    case when ended < at_risk then ln(1 - cast(ended as double) / at_risk) end
                    as decimal(18, 15)
                )
            ) over (
                partition by segment_number, stage_number, month
                order by days_in_stage
                rows between unbounded preceding and current row
            ), 0) as double))
        end as survival

    from with_at_risk

),

-- A survival of one half may be off by its last digit, so it is rounded before it is compared.
counted as (

    select
        segment_number,
        stage_number,
        month,
        sum(stays) as stays,
        sum(ongoing) as ongoing_stays,
        min(case when round(survival, 12) <= 0.5 then days_in_stage end) as median_days_in_stage

    from with_survival
    group by segment_number, stage_number, month

)

select
    segment_names.segment_name,
    segment_names.segment_value,
    stages.side,
    stages.stage,
    cast(counted.stays as bigint) as stays,
    cast(counted.ongoing_stays as bigint) as ongoing_stays,
    counted.median_days_in_stage,
    counted.month

from counted
inner join segment_names
    on counted.segment_number = segment_names.segment_number
inner join stages
    on counted.stage_number = stages.stage_number
