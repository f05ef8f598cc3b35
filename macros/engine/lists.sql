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


{#-
    An aggregate: the sum of the largest tenth of the values, rounded up to whole values. To rank them by a window would
    sort all rows of all groups.
-#}
{% macro sum_of_largest_tenth(expression) %}
    {{ return(adapter.dispatch('sum_of_largest_tenth', 'tenure')(expression)) }}
{% endmacro %}

{#-
    The smallest value of the tenth is found without a sort, which is three times as fast as to sort the list. Larger values
    belong to the tenth, and equal ones as far as there is room.
-#}
{% macro duckdb__sum_of_largest_tenth(expression) -%}
    {%- set smallest = 'percentile_disc(0.1) within group (order by ' ~ expression ~ ' desc)' -%}
    {%- set larger = 'list_filter(list(' ~ expression ~ '), lambda value: value > ' ~ smallest ~ ')' -%}
    coalesce(list_sum({{ larger }}), 0)
    + (cast(ceiling(count({{ expression }}) / 10.0) as bigint) - len({{ larger }})) * {{ smallest }}
{%- endmacro %}

{% macro spark__sum_of_largest_tenth(expression) -%}
    aggregate(
        slice(
            sort_array(collect_list({{ expression }}), false), 1, cast(ceiling(count({{ expression }}) / 10.0) as int)
        ),
        cast(0 as decimal(38, 2)),
        (total, value) -> cast(total + value as decimal(38, 2))
    )
{%- endmacro %}


{#-
    A window function: the median of the values up to the current row, the smaller one of the two in the middle. NULLs are
    passed over. Spark has no median over a growing window.
-#}
{% macro median_so_far(expression, partition_by, order_by) %}
    {{ return(adapter.dispatch('median_so_far', 'tenure')(expression, partition_by, order_by)) }}
{% endmacro %}

{% macro duckdb__median_so_far(expression, partition_by, order_by) -%}
    quantile_disc({{ expression }}, 0.5) over (
        partition by {{ partition_by }} order by {{ order_by }} rows between unbounded preceding and current row
    )
{%- endmacro %}

{% macro spark__median_so_far(expression, partition_by, order_by) -%}
    {%- set values_so_far -%}
    sort_array(collect_list({{ expression }}) over (
        partition by {{ partition_by }} order by {{ order_by }} rows between unbounded preceding and current row
    ))
    {%- endset -%}
    get({{ values_so_far }}, cast((size({{ values_so_far }}) - 1) div 2 as int))
{%- endmacro %}


{#- In a select list: a row for each whole number from the first to the last, none if the last is less. -#}
{% macro each_number(first, last) %}
    {{ return(adapter.dispatch('each_number', 'tenure')(first, last)) }}
{% endmacro %}

{% macro duckdb__each_number(first, last) -%}
    unnest(generate_series(cast({{ first }} as bigint), cast({{ last }} as bigint)))
{%- endmacro %}

{% macro spark__each_number(first, last) -%}
    explode(
        case when {{ first }} <= {{ last }} then sequence(cast({{ first }} as bigint), cast({{ last }} as bigint)) end
    )
{%- endmacro %}
