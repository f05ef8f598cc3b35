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

{% macro spark__date_in_text(text) -%}
    try_cast(regexp_extract({{ text }}, r'\d{4}-\d{2}-\d{2}', 0) as date)
{%- endmacro %}


{#- What a text of each type looks like, for messages. -#}
{% macro form_of(data_type) -%}
    {{ {
        'identifier': 'an id of at most 255 signs, no control signs, no word for nothing, no 1.2E+17',
        'decimal': 'a decimal such as 12.50, with at most 14 digits before the point',
        'integer': 'a whole number such as 3',
        'rate': 'a rate such as 1.08',
        'boolean': 'true, false, 1 or 0',
        'date': 'a date such as 2025-01-31',
        'timestamp': 'a time such as 2025-01-31T09:30:00Z or a date such as 2025-01-31',
    }[data_type] }}
{%- endmacro %}


{#- A decimal text with all of its decimals up to the 18th. -#}
{% macro many_decimals(text) %}
    {{ return(adapter.dispatch('many_decimals', 'tenure')(text)) }}
{% endmacro %}

{% macro duckdb__many_decimals(text) -%}
    try_cast(regexp_extract({{ text }}, '^-?\d{1,14}(\.\d{1,18})?') as decimal(38, 18))
{%- endmacro %}

{% macro spark__many_decimals(text) -%}
    try_cast(regexp_extract({{ text }}, r'^-?\d{1,14}(\.\d{1,18})?', 0) as decimal(38, 18))
{%- endmacro %}

{#- Whether a decimal text is further from its value than what programs add to a number. -#}
{% macro is_rounded(text, value) -%}
    {{ value }} is not null and abs({{ many_decimals(text) }} - {{ value }}) > 0.000000001
{%- endmacro %}

{#- Whether a text ends in .0, which is looked at for every id. -#}
{% macro ends_with_zero(text) %}
    {{ return(adapter.dispatch('ends_with_zero', 'tenure')(text)) }}
{% endmacro %}

{% macro duckdb__ends_with_zero(text) -%}
    ends_with({{ text }}, '.0')
{%- endmacro %}

{% macro spark__ends_with_zero(text) -%}
    endswith({{ text }}, '.0')
{%- endmacro %}


{#- The engine wants an offset right after the time, and does not know every sign for UTC. -#}
{% macro engine_offset(text) %}
    {{ return(adapter.dispatch('engine_offset', 'tenure')(text)) }}
{% endmacro %}

{% macro duckdb__engine_offset(text) -%}
    regexp_replace(regexp_replace({{ text }}, '( UTC|z)$', 'Z'), ' ([+-])', '\1')
{%- endmacro %}

{% macro spark__engine_offset(text) -%}
    regexp_replace(regexp_replace({{ text }}, r'( UTC|z)\z', 'Z'), ' ([+-])', '$1')
{%- endmacro %}


{% macro duckdb__cast_text(text, data_type) %}
    {%- if data_type == 'text' -%}
        {{ text }}
    {%- elif data_type == 'identifier' -%}
        case
            when length({{ text }}) > 255 or not regexp_full_match({{ text }}, '[^[:cntrl:]]*') then null
            -- what programs write for nothing, and what spreadsheets make of a long number
            when lower({{ text }}) in ('null', 'none', 'nan', 'n/a', '\n') then null
            when contains({{ text }}, '+') and regexp_full_match({{ text }}, '\d(\.\d+)?[Ee]\+\d+') then null
            -- what they make of a number in a column that has an empty field, if no digit was lost
            when {{ ends_with_zero(text) }} and regexp_full_match({{ text }}, '\d{1,15}\.0')
                then left({{ text }}, length({{ text }}) - 2)
            -- what keeps a spreadsheet from reading an id as a number
            when {{ text }} like '''%' and regexp_full_match({{ text }}, '''\d+') then substr({{ text }}, 2)
            else {{ text }}
        end
    {%- elif data_type == 'decimal' -%}
        -- a cast by way of 18 decimals is ten times as slow
        case
            when regexp_full_match({{ text }}, '-?\d{1,14}(\.\d{1,4})?') then try_cast({{ text }} as decimal(18, 4))
            when regexp_full_match({{ text }}, '-?\d{1,14}\.\d{5,}') then try_cast(round({{ many_decimals(text) }}, 4) as decimal(18, 4))
        end
    {%- elif data_type == 'integer' -%}
        -- 3.0 is what programs make of 3 in a column that has an empty field
        case
            when regexp_full_match({{ text }}, '-?\d{1,18}') then try_cast({{ text }} as bigint)
            when regexp_full_match({{ text }}, '-?\d{1,18}\.0+')
                then try_cast(split_part({{ text }}, '.', 1) as bigint)
        end
    {%- elif data_type == 'rate' -%}
        case
            when regexp_full_match({{ text }}, '\d{1,10}(\.\d{1,18})?')
                then try_cast(round(try_cast({{ text }} as decimal(28, 18)), 8) as decimal(18, 8))
        end
    {%- elif data_type == 'boolean' -%}
        case when {{ is_true(text) }} then true when {{ is_false(text) }} then false end
    {%- elif data_type == 'date' -%}
        case when regexp_full_match({{ text }}, '(19|[2-9]\d)\d{2}-\d{2}-\d{2}') then try_cast({{ text }} as date) end
    {%- elif data_type == 'timestamp' -%}
        {%- set minute = '(19|[2-9]\\d)\\d{2}-\\d{2}-\\d{2}[T ]([01]\\d|2[0-3]):[0-5]\\d' -%}
        {%- set second = ':[0-5]\\d(\\.\\d{1,9})?' -%}
        {%- set offset = '(Z|z| UTC| ?[+-](0\\d|1[0-4])(:?[0-5]\\d)?)?' -%}
        case
            -- what most texts are first; three times as fast as the last but one, which is right for all times
            when regexp_full_match({{ text }}, '{{ minute }}{{ second }}Z?')
                then try_cast({{ text }} as timestamp)
            when regexp_full_match({{ text }}, '(19|[2-9]\d)\d{2}-\d{2}-\d{2}')
                then {{ local_midnight('try_cast(' ~ text ~ ' as date)') }}
            when regexp_full_match({{ text }}, '{{ minute }}{{ second }}{{ offset }}')
                then timezone('UTC', try_cast({{ engine_offset(text) }} as timestamptz))
            -- the engine's cast wants seconds before an offset
            when regexp_full_match({{ text }}, '{{ minute }}{{ offset }}')
                then timezone('UTC', try_cast(
                    substr({{ text }}, 1, 16) || ':00' || substr({{ engine_offset(text) }}, 17) as timestamptz
                ))
        end
    {%- else -%}
        {%- do exceptions.raise_compiler_error("no cast from text to " ~ data_type) -%}
    {%- endif -%}
{% endmacro %}


{#-
    Spark's cast to a date or a time knows every form that is let through here, and drops no offset. Only an offset right after
    the minute is none of its forms. A decimal of more digits than the type holds is rounded half away from zero, as on DuckDB.
-#}
{% macro spark__cast_text(text, data_type) %}
    {%- if data_type == 'text' -%}
        {{ text }}
    {%- elif data_type == 'identifier' -%}
        case
            when length({{ text }}) > 255 or {{ matches(text, '[\\x00-\\x1F\\x7F]') }} then null
            when lower({{ text }}) in ('null', 'none', 'nan', 'n/a', r'\n') then null
            when {{ is_of_form(text, '\\d(\\.\\d+)?[Ee]\\+\\d+') }} then null
            when {{ is_of_form(text, '\\d{1,15}\\.0') }} then left({{ text }}, length({{ text }}) - 2)
            when {{ is_of_form(text, '\\x27\\d+') }} then substr({{ text }}, 2)
            else {{ text }}
        end
    {%- elif data_type == 'decimal' -%}
        case
            when {{ is_of_form(text, '-?\\d{1,14}(\\.\\d{1,4})?') }} then try_cast({{ text }} as decimal(18, 4))
            when {{ is_of_form(text, '-?\\d{1,14}\\.\\d{5,}') }}
                then try_cast(round({{ many_decimals(text) }}, 4) as decimal(18, 4))
        end
    {%- elif data_type == 'integer' -%}
        case
            when {{ is_of_form(text, '-?\\d{1,18}') }} then try_cast({{ text }} as bigint)
            when {{ is_of_form(text, '-?\\d{1,18}\\.0+') }} then try_cast(split_part({{ text }}, '.', 1) as bigint)
        end
    {%- elif data_type == 'rate' -%}
        case
            when {{ is_of_form(text, '\\d{1,10}(\\.\\d{1,18})?') }}
                then try_cast(round(try_cast({{ text }} as decimal(28, 18)), 8) as decimal(18, 8))
        end
    {%- elif data_type == 'boolean' -%}
        case when {{ is_true(text) }} then true when {{ is_false(text) }} then false end
    {%- elif data_type == 'date' -%}
        case when {{ is_of_form(text, '(19|[2-9]\\d)\\d{2}-\\d{2}-\\d{2}') }} then try_cast({{ text }} as date) end
    {%- elif data_type == 'timestamp' -%}
        {%- set minute = '(19|[2-9]\\d)\\d{2}-\\d{2}-\\d{2}[T ]([01]\\d|2[0-3]):[0-5]\\d' -%}
        {%- set second = ':[0-5]\\d(\\.\\d{1,9})?' -%}
        {%- set offset = '(Z|z| UTC| ?[+-](0\\d|1[0-4])(:?[0-5]\\d)?)?' -%}
        case
            when {{ is_of_form(text, '(19|[2-9]\\d)\\d{2}-\\d{2}-\\d{2}') }}
                then {{ local_midnight('try_cast(' ~ text ~ ' as date)') }}
            when {{ is_of_form(text, minute ~ second ~ offset) }}
                then try_cast({{ engine_offset(text) }} as timestamp)
            when {{ is_of_form(text, minute ~ offset) }}
                then try_cast(substr({{ text }}, 1, 16) || ':00' || substr({{ engine_offset(text) }}, 17) as timestamp)
        end
    {%- else -%}
        {%- do exceptions.raise_compiler_error("no cast from text to " ~ data_type) -%}
    {%- endif -%}
{% endmacro %}
