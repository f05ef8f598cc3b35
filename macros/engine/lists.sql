{#- The different values of a group, sorted, as one text: 'basic, extra'. NULL where there is none. -#}
{% macro sorted_list(expression) %}
    {{ return(adapter.dispatch('sorted_list', 'tenure')(expression)) }}
{% endmacro %}

{#- Lists first: string_agg(distinct ... order by ...) sorts every group by itself, four times slower. -#}
{% macro duckdb__sorted_list(expression) -%}
    nullif(array_to_string(list_sort(list_distinct(list({{ expression }}))), ', '), '')
{%- endmacro %}

{% macro spark__sorted_list(expression) -%}
    nullif(array_join(array_sort(collect_set({{ expression }})), ', '), '')
{%- endmacro %}
