{#-
    A floating-point number, rounded to eight decimals. Spark would read the number from its shortest text, DuckDB reads it
    from its bits. From about 60 million on that decides some exact halves of a cent.
-#}
{% macro eight_decimals(number) %}
    {{ return(adapter.dispatch('eight_decimals', 'tenure')(number)) }}
{% endmacro %}

{% macro duckdb__eight_decimals(number) -%}
    cast({{ number }} as decimal(28, 8))
{%- endmacro %}

{#- The bits in two parts, each of which is exact: multiples of 2 to the power of 32, and what is left. -#}
{% macro spark__eight_decimals(number) -%}
    {%- set units = 'rint((' ~ number ~ ') * 1e8)' -%}
    {%- set multiples = 'floor(' ~ units ~ ' / 4294967296e0)' -%}
    cast(
        cast({{ multiples }} as decimal(19, 0)) * 4294967296
        + cast({{ units }} - {{ multiples }} * 4294967296e0 as decimal(10, 0)) as decimal(28, 0)
    ) * 0.00000001
{%- endmacro %}
