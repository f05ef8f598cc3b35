{#- All columns of a relation but some, in a select list. -#}
{% macro all_except(columns, relation=none) %}
    {{ return(adapter.dispatch('all_except', 'tenure')(columns, relation)) }}
{% endmacro %}

{% macro duckdb__all_except(columns, relation) -%}
    {{ relation ~ '.' if relation }}* exclude ({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__all_except(columns, relation) -%}
    {{ relation ~ '.' if relation }}* except ({{ columns | join(', ') }})
{%- endmacro %}


{#- The texts <column>_text of some columns as one value, whose fields are the columns. -#}
{% macro record_of(columns) %}
    {{ return(adapter.dispatch('record_of', 'tenure')(columns)) }}
{% endmacro %}

{% macro duckdb__record_of(columns) -%}
    struct_pack({% for column in columns %}{{ column }} := {{ column }}_text{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro spark__record_of(columns) -%}
    named_struct({% for column in columns %}'{{ column }}', {{ column }}_text{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}


{#-
    Between two selects whose columns may stand in another order, or lack. Spark has no such thing in SQL. There all
    arms have all columns in order.
-#}
{% macro union_all_by_name() %}
    {{ return(adapter.dispatch('union_all_by_name', 'tenure')()) }}
{% endmacro %}

{% macro duckdb__union_all_by_name() -%}
    union all by name
{%- endmacro %}

{% macro spark__union_all_by_name() -%}
    union all
{%- endmacro %}


{#- A name as it stands in a raw table or file, whatever signs it has. -#}
{% macro quoted(name) %}
    {{ return(adapter.dispatch('quoted', 'tenure')(name)) }}
{% endmacro %}

{% macro duckdb__quoted(name) -%}
    {{ '"' ~ name | replace('"', '""') ~ '"' }}
{%- endmacro %}

{% macro spark__quoted(name) -%}
    {{ '`' ~ name | replace('`', '``') ~ '`' }}
{%- endmacro %}
