{#- A record, a list or a map as the text of its JSON. Fields that are NULL stay. -#}
{% macro as_json(value) %}
    {{ return(adapter.dispatch('as_json', 'tenure')(value)) }}
{% endmacro %}

{% macro duckdb__as_json(value) -%}
    cast(to_json({{ value }}) as varchar)
{%- endmacro %}

{% macro spark__as_json(value) -%}
    to_json({{ value }}, map('ignoreNullFields', 'false'))
{%- endmacro %}


{#- The text of a field in a JSON text; NULL where there is none. -#}
{% macro json_text(text, field) %}
    {{ return(adapter.dispatch('json_text', 'tenure')(text, field)) }}
{% endmacro %}

{% macro duckdb__json_text(text, field) -%}
    json_extract_string({{ text }}, '$.{{ field }}')
{%- endmacro %}

{% macro spark__json_text(text, field) -%}
    get_json_object({{ text }}, '$.{{ field }}')
{%- endmacro %}
