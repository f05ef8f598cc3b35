with

ends as (

    select
        segment_name,
        segment_value,
        side,
        month,
        from_stage as stage,
        customers as gone,
        0 as entered
    from {{ ref('rpt_stage_flows') }}
    where from_stage not in ('(none)', '(merged)')

    union all

    select
        segment_name,
        segment_value,
        side,
        month,
        to_stage as stage,
        0 as gone,
        customers as entered
    from {{ ref('rpt_stage_flows') }}
    where to_stage <> '(merged)'

    union all

    select
        segment_name,
        segment_value,
        side,
        month,
        stage,
        -left_customers as gone,
        -entered_customers as entered
    from {{ ref('rpt_stages') }}

)

select
    segment_name,
    segment_value,
    side,
    month,
    stage

from ends
group by segment_name, segment_value, side, month, stage
having sum(gone) <> 0 or sum(entered) <> 0

union all

-- Nobody goes from a stage to itself.
select
    segment_name,
    segment_value,
    side,
    month,
    to_stage as stage

from {{ ref('rpt_stage_flows') }}
where from_stage = to_stage or customers < 1
