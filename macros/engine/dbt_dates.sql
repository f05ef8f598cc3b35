{#-
    In place of dbt-spark's own: they lose what is below a second, turn dates into timestamps, and count a month too many from
    31 January to 28 February.
-#}
{% macro spark__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {%- set units = ['year', 'month', 'week', 'day', 'hour', 'minute', 'second'] -%}
    {%- set number, unit = interval, datepart -%}
    {%- if datepart == 'quarter' -%}{%- set number, unit = '3 * (' ~ interval ~ ')', 'month' -%}{%- endif -%}
    {%- if unit not in units -%}
        {%- do exceptions.raise_compiler_error("dateadd: " ~ datepart ~ " is no unit that Tenure uses on Spark") -%}
    {%- endif -%}
    ({{ from_date_or_timestamp }} + make_interval(
        {%- for one in units[:units.index(unit)] %}0, {% endfor %}cast({{ number }} as int)))
{%- endmacro %}


{#- Boundaries between two days or times: of calendar months, of full hours. Weeks are left out: those of DuckDB begin anywhere. -#}
{% macro spark__datediff(first_date, second_date, datepart) -%}
    {%- if datepart == 'day' -%}
    cast(datediff(cast({{ second_date }} as date), cast({{ first_date }} as date)) as bigint)
    {%- elif datepart in ('month', 'quarter', 'year') -%}
    {%- set per_year = {'month': 12, 'quarter': 4, 'year': 1}[datepart] -%}
    {%- set part = {'month': 'month', 'quarter': 'quarter'}.get(datepart) -%}
    cast(
        (year({{ second_date }}) - year({{ first_date }})) * {{ per_year }}
        {%- if part %} + {{ part }}({{ second_date }}) - {{ part }}({{ first_date }}){% endif %} as bigint
    )
    {%- elif datepart in ('hour', 'minute', 'second') -%}
    {%- set seconds = {'hour': 3600, 'minute': 60, 'second': 1}[datepart] -%}
    cast(
        floor(unix_seconds(cast({{ second_date }} as timestamp)) / {{ seconds }})
        - floor(unix_seconds(cast({{ first_date }} as timestamp)) / {{ seconds }}) as bigint
    )
    {%- else -%}
    {%- do exceptions.raise_compiler_error("datediff: " ~ datepart ~ " is no unit that Tenure uses on Spark") -%}
    {%- endif -%}
{%- endmacro %}
