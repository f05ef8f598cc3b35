with

stays as (

    select * from {{ ref('int_stages_aggregated_to_segments') }}

),

flows as (

    select * from {{ ref('rpt_stage_flows') }}

),

months as (

    select * from {{ ref('int_months_spined') }}

),

stages as (

    select
        segment_name,
        segment_value,
        side,
        stage,
        min(month) as first_month,
        sum(ongoing_stays) as customers_now

    from stays
    group by segment_name, segment_value, side, stage

),

entries_and_exits as (

    select
        segment_name,
        segment_value,
        side,
        month,
        to_stage as stage,
        customers as entered_customers,
        0 as left_customers
    from flows
    where to_stage <> '(merged)'

    union all

    select
        segment_name,
        segment_value,
        side,
        month,
        from_stage as stage,
        0 as entered_customers,
        customers as left_customers
    from flows
    where from_stage not in ('(none)', '(merged)')

),

month_changes as (

    select
        segment_name,
        segment_value,
        side,
        month,
        stage,
        sum(entered_customers) as entered_customers,
        sum(left_customers) as left_customers

    from entries_and_exits
    group by segment_name, segment_value, side, month, stage

),

-- Every month since the segment's first customer in the stage, also a month in which nobody moved. Who
-- is in the stage now, less all who came since a month's end, plus all who left, was in it then.
every_month as (

    select
        stages.segment_name,
        stages.segment_value,
        stages.side,
        stages.stage,
        months.month,
        months.is_complete,
        coalesce(month_changes.entered_customers, 0) as entered_customers,
        coalesce(month_changes.left_customers, 0) as left_customers,
        stages.customers_now - coalesce(
            sum(month_changes.entered_customers - month_changes.left_customers) over (
                partition by
                    stages.segment_name, stages.segment_value, stages.side, stages.stage
                order by months.month desc
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as customers_at_end

    from stages
    inner join months
        on stages.first_month <= months.month
    left join month_changes
        on
            stages.segment_name = month_changes.segment_name
            and stages.segment_value = month_changes.segment_value
            and stages.side = month_changes.side
            and stages.stage = month_changes.stage
            and months.month = month_changes.month

)

select
    every_month.segment_name,
    every_month.segment_value,
    every_month.side,
    every_month.stage,
    every_month.month,
    cast(
        every_month.customers_at_end - every_month.entered_customers + every_month.left_customers
        as bigint
    ) as customers_at_start,
    cast(every_month.entered_customers as bigint) as entered_customers,
    cast(every_month.left_customers as bigint) as left_customers,
    cast(every_month.customers_at_end as bigint) as customers_at_end,
    cast(stays.median_days_in_stage as bigint) as median_days_in_stage,
    every_month.is_complete

from every_month
left join stays
    on
        every_month.segment_name = stays.segment_name
        and every_month.segment_value = stays.segment_value
        and every_month.side = stays.side
        and every_month.stage = stays.stage
        and every_month.month = stays.month
