{#- The different values of a group, sorted, as one text: 'basic, extra'. NULL where there is none. -#}
{% macro sorted_list(expression) %}
    {{ return(adapter.dispatch('sorted_list', 'tenure')(expression)) }}
{% endmacro %}

{% macro duckdb__sorted_list(expression) -%}
    string_agg(distinct {{ expression }}, ', ' order by {{ expression }})
{%- endmacro %}

{% macro spark__sorted_list(expression) -%}
    nullif(array_join(array_sort(collect_set({{ expression }})), ', '), '')
{%- endmacro %}
