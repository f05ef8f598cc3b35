{#-
    Text to value by the raw contract, NULL where the text is not of the contract's form. The engine's own casts
    are lax (they take 'infinity', '1e3', '2024/01/02' and drop offsets), so the form is checked before the cast.
-#}
{% macro cast_text(text, data_type) %}
    {{ return(adapter.dispatch('cast_text', 'tenure')(text, data_type)) }}
{% endmacro %}


{#- The first YYYY-MM-DD in a text, as a date; NULL when there is none. -#}
{% macro date_in_text(text) %}
    {{ return(adapter.dispatch('date_in_text', 'tenure')(text)) }}
{% endmacro %}

{% macro duckdb__date_in_text(text) -%}
    try_cast(regexp_extract({{ text }}, '\d{4}-\d{2}-\d{2}') as date)
{%- endmacro %}


{% macro duckdb__cast_text(text, data_type) %}
    {%- if data_type == 'text' -%}
        {{ text }}
    {%- elif data_type == 'identifier' -%}
        case
            when length({{ text }}) > 255 or regexp_matches({{ text }}, '[[:cntrl:]]') then null
            -- what programs write for nothing, and what spreadsheets make of a long number
            when lower({{ text }}) in ('null', 'none', 'nan', 'n/a', '\n') then null
            when regexp_full_match({{ text }}, '\d(\.\d+)?E\+\d+') then null
            else {{ text }}
        end
    {%- elif data_type == 'decimal' -%}
        case when regexp_full_match({{ text }}, '-?\d{1,14}(\.\d{1,4})?') then try_cast({{ text }} as decimal(18, 4)) end
    {%- elif data_type == 'integer' -%}
        case when regexp_full_match({{ text }}, '-?\d{1,18}') then try_cast({{ text }} as bigint) end
    {%- elif data_type == 'boolean' -%}
        case lower({{ text }}) when 'true' then true when '1' then true when 'false' then false when '0' then false end
    {%- elif data_type == 'date' -%}
        case when regexp_full_match({{ text }}, '(19|[2-9]\d)\d{2}-\d{2}-\d{2}') then try_cast({{ text }} as date) end
    {%- elif data_type == 'timestamp' -%}
        {%- set minute = '(19|[2-9]\\d)\\d{2}-\\d{2}-\\d{2}[T ]([01]\\d|2[0-3]):[0-5]\\d' -%}
        {%- set second = ':[0-5]\\d(\\.\\d{1,9})?' -%}
        {%- set offset = '(Z|[+-](0\\d|1[0-4])(:?[0-5]\\d)?)?' -%}
        case
            when regexp_full_match({{ text }}, '(19|[2-9]\d)\d{2}-\d{2}-\d{2}')
                then {{ local_midnight('try_cast(' ~ text ~ ' as date)') }}
            -- three times as fast as the next one, which is right for all
            when regexp_full_match({{ text }}, '{{ minute }}{{ second }}Z?')
                then try_cast({{ text }} as timestamp)
            when regexp_full_match({{ text }}, '{{ minute }}{{ second }}{{ offset }}')
                then timezone('UTC', try_cast({{ text }} as timestamptz))
            -- the engine's cast wants seconds before an offset
            when regexp_full_match({{ text }}, '{{ minute }}{{ offset }}')
                then timezone('UTC', try_cast(
                    substr({{ text }}, 1, 16) || ':00' || substr({{ text }}, 17) as timestamptz
                ))
        end
    {%- else -%}
        {%- do exceptions.raise_compiler_error("no cast from text to " ~ data_type) -%}
    {%- endif -%}
{% endmacro %}
