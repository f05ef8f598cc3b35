{#- The whole number that a text of at most 15 hexadecimal digits stands for. -#}
{% macro number_of_hexadecimal(text) %}
    {{ return(adapter.dispatch('number_of_hexadecimal', 'tenure')(text)) }}
{% endmacro %}

{% macro duckdb__number_of_hexadecimal(text) -%}
    cast('0x' || {{ text }} as bigint)
{%- endmacro %}

{% macro spark__number_of_hexadecimal(text) -%}
    cast(conv({{ text }}, 16, 10) as bigint)
{%- endmacro %}
