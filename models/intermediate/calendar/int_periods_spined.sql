{%- set grains = ['week', 'month', 'quarter', 'year'] -%}

with

days as (

    select * from {{ ref('int_days_spined') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

period_starts as (
    {%- for grain in grains %}

    {{ 'union all' if not loop.first }}

    select distinct
        '{{ grain }}' as period_grain,
        cast({{ dbt.date_trunc(grain, 'date_day') }} as date) as period_start

    from days
    {%- endfor %}

),

periods as (

    select
        period_grain,
        period_start,
        cast(
            case period_grain
                {%- for grain in grains %}
                {#- three months, not a quarter: every engine's dateadd knows months #}
                {%- set part, count = ('month', 3) if grain == 'quarter' else (grain, 1) %}
                when '{{ grain }}' then {{ dbt.dateadd(part, count, 'period_start') }}
                {%- endfor %}
            end as date
        ) as period_end

    from period_starts

)

select
    periods.period_grain,
    row_number() over (
        partition by periods.period_grain order by periods.period_start
    ) as period_number,
    periods.period_end <= as_of.as_of as is_complete,
    periods.period_start,
    periods.period_end,
    -- the state of a running period is its state at as_of
    least({{ local_midnight('periods.period_end') }}, as_of.as_of_at) as state_at

from periods
cross join as_of
