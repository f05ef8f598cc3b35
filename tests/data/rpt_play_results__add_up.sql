-- The sizes of all months, from the enrolments, and the total of each play from its complete months.
with

months as (

    select * from {{ ref('rpt_play_results') }}
    where period_grain = 'month'

),

totals as (

    select * from {{ ref('rpt_play_results') }}
    where period_grain = 'all'

),

enrollments as (

    select
        play_id,
        cast({{ dbt.date_trunc('month', 'enrolled_on') }} as date) as month,
        sum(case when arm = 'treatment' then 1 else 0 end) as treated,
        sum(case when arm = 'holdout' then 1 else 0 end) as held_out,
        min(case when is_window_complete then 1 else 0 end) as is_known

    from {{ ref('fct_play_enrollments') }}
    where is_first
    group by play_id, cast({{ dbt.date_trunc('month', 'enrolled_on') }} as date)

),

sums as (

    select
        segment_name,
        segment_value,
        play_id,
        {%- for measure in [
            'converted_treated', 'converted_held_out', 'revenue_treated', 'revenue_held_out',
            'margin_treated', 'margin_held_out', 'offer_cost', 'contact_cost',
        ] %}
        coalesce(sum({{ measure }}), 0) as {{ measure }},
        {%- endfor %}
        sum(case when is_complete then treated else 0 end) as treated,
        sum(case when is_complete then held_out else 0 end) as held_out,
        sum(months) as months

    from months
    group by segment_name, segment_value, play_id

)

select
    enrollments.play_id,
    enrollments.month,
    'all' as segment_name,
    'all' as segment_value

from enrollments
left join months
    on
        enrollments.play_id = months.play_id
        and enrollments.month = months.month
        and months.segment_name = 'all'
where
    months.play_id is null
    or months.treated <> enrollments.treated
    or months.held_out <> enrollments.held_out
    or (months.is_complete and enrollments.is_known = 0)

union all

select
    sums.play_id,
    cast(null as date) as month,
    sums.segment_name,
    sums.segment_value

from sums
left join totals
    on
        sums.segment_name = totals.segment_name
        and sums.segment_value = totals.segment_value
        and sums.play_id = totals.play_id
where
    totals.play_id is null
    or totals.months < sums.months
    {%- for measure in [
        'treated', 'held_out', 'converted_treated', 'converted_held_out', 'revenue_treated',
        'revenue_held_out', 'margin_treated', 'margin_held_out', 'offer_cost', 'contact_cost',
    ] %}
    or totals.{{ measure }} <> sums.{{ measure }}
    {%- endfor %}
