{#- The counts come from the first and the last days of the stays, not from the flows. -#}
with

months as (

    select * from {{ ref('int_months_spined') }}

),

changes as (

    select
        side,
        stage,
        entered_on as changed_on,
        count(*) as entered,
        0 as gone
    from {{ ref('fct_stage_changes') }}
    group by side, stage, entered_on

    union all

    select
        side,
        stage,
        left_on as changed_on,
        0 as entered,
        count(*) as gone
    from {{ ref('fct_stage_changes') }}
    where left_on is not null
    group by side, stage, left_on

),

counted as (

    select
        'all' as segment_name,
        changes.side,
        changes.stage,
        months.month,
        sum(
            case
                when changes.changed_on < months.month then changes.entered - changes.gone
                else 0
            end
        ) as at_start,
        sum(case when changes.changed_on >= months.month then changes.entered else 0 end)
            as entered,
        sum(case when changes.changed_on >= months.month then changes.gone else 0 end) as gone,
        sum(changes.entered - changes.gone) as at_end

    from changes
    inner join months
        on changes.changed_on < months.state_date
    group by changes.side, changes.stage, months.month

),

report as (

    select
        *,
        lag(customers_at_end) over (
            partition by segment_name, segment_value, side, stage order by month
        ) as customers_at_last_end

    from {{ ref('rpt_stages') }}

)

select
    coalesce(report.side, counted.side) as side,
    coalesce(report.stage, counted.stage) as stage,
    coalesce(report.month, counted.month) as month,
    report.customers_at_end,
    counted.at_end

from report
full outer join counted
    on
        report.segment_name = counted.segment_name
        and report.side = counted.side
        and report.stage = counted.stage
        and report.month = counted.month
where
    report.side is null
    or (report.segment_name = 'all' and counted.side is null)
    or report.customers_at_start <> counted.at_start
    or report.entered_customers <> counted.entered
    or report.left_customers <> counted.gone
    or report.customers_at_end <> counted.at_end
    or report.customers_at_start + report.entered_customers - report.left_customers
    <> report.customers_at_end
    or report.customers_at_start <> report.customers_at_last_end
    or report.customers_at_start < 0
    or (report.median_days_in_stage is not null and report.entered_customers = 0)
