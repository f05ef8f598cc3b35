{#- Time is UTC until it is cut into days, which happens here and nowhere else. -#}

{#- The day, in the reporting timezone, on which a UTC timestamp falls. -#}
{% macro local_date(timestamp) %}
    {{ return(adapter.dispatch('local_date', 'tenure')(timestamp)) }}
{% endmacro %}

{% macro duckdb__local_date(timestamp) %}
    {%- if var('reporting_timezone') == 'UTC' -%}
        cast({{ timestamp }} as date)
    {%- else -%}
        cast(timezone('{{ var("reporting_timezone") }}', timezone('UTC', {{ timestamp }})) as date)
    {%- endif -%}
{% endmacro %}

{% macro spark__local_date(timestamp) %}
    {%- if var('reporting_timezone') == 'UTC' -%}
        cast({{ timestamp }} as date)
    {%- else -%}
        cast(from_utc_timestamp({{ timestamp }}, '{{ var("reporting_timezone") }}') as date)
    {%- endif -%}
{% endmacro %}


{#-
    The UTC timestamp at which a day of the reporting timezone begins: the first of two midnights, where the clock is
    put back from one o'clock to midnight (Havana, the Azores).
-#}
{% macro local_midnight(date) %}
    {{ return(adapter.dispatch('local_midnight', 'tenure')(date)) }}
{% endmacro %}

{% macro duckdb__local_midnight(date) %}
    {%- if var('reporting_timezone') == 'UTC' -%}
        cast({{ date }} as timestamp)
    {%- else -%}
        {%- set midnight = "timezone('UTC', timezone('" ~ var("reporting_timezone") ~ "', cast(" ~ date ~ " as timestamp)))" -%}
        {%- set hour_before = midnight ~ " - interval 1 hour" -%}
        case
            when {{ local_date(hour_before) }} = cast({{ date }} as date) then {{ hour_before }}
            else {{ midnight }}
        end
    {%- endif -%}
{% endmacro %}

{#- Of two midnights, Spark takes the first one by itself. -#}
{% macro spark__local_midnight(date) %}
    {%- if var('reporting_timezone') == 'UTC' -%}
        cast({{ date }} as timestamp)
    {%- else -%}
        to_utc_timestamp(cast({{ date }} as timestamp), '{{ var("reporting_timezone") }}')
    {%- endif -%}
{% endmacro %}


{#- A select of one column, date_day, with every day from first to last, both included. -#}
{% macro each_day(first_day, last_day, relation) %}
    {{ return(adapter.dispatch('each_day', 'tenure')(first_day, last_day, relation)) }}
{% endmacro %}

{% macro duckdb__each_day(first_day, last_day, relation) %}
    select cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date) as date_day
    from {{ relation }}
{% endmacro %}

{% macro spark__each_day(first_day, last_day, relation) %}
    select
        explode(
            case when {{ first_day }} <= {{ last_day }} then sequence({{ first_day }}, {{ last_day }}, interval 1 day) end
        ) as date_day
    from {{ relation }}
{% endmacro %}
