{#- The grains of every report. Only the retention models, which count by day first, list them too. -#}
{%- set grains = ['week', 'month', 'quarter', 'year'] -%}
{%- set days_to_monday = {'monday': 0, 'sunday': 1, 'saturday': 2}[var('week_starts_on')] -%}
{%- set month_names = [
    'january', 'february', 'march', 'april', 'may', 'june',
    'july', 'august', 'september', 'october', 'november', 'december',
] -%}
{%- set months_before_year = month_names.index(var('fiscal_year_starts_in')) -%}
{#- The engine starts weeks on Monday and years in January. Shift the day, cut it, shift it back. -#}
{%- set shifts = {
    'week': ('day', days_to_monday),
    'month': ('month', 0),
    'quarter': ('month', -months_before_year),
    'year': ('month', -months_before_year),
} -%}

with

days as (

    select * from {{ ref('int_days_spined') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

period_starts as (
    {%- for grain in grains %}
    {%- set part, shift = shifts[grain] %}
    {%- set shifted_day = dbt.dateadd(part, shift, 'date_day') if shift else 'date_day' %}
    {%- set shifted_start = dbt.date_trunc(grain, shifted_day) %}

    {{ 'union all' if not loop.first }}

    select distinct
        '{{ grain }}' as period_grain,
        cast(
            {{ dbt.dateadd(part, -shift, shifted_start) if shift else shifted_start }} as date
        ) as period_start

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
                {#- Every engine's dateadd knows months; not every one knows quarters. #}
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
    least(periods.period_end, as_of.as_of) as state_date,
    least({{ local_midnight('periods.period_end') }}, as_of.as_of_at) as state_at

from periods
cross join as_of
