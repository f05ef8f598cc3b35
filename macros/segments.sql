{#-
    Reports are split by the attributes that the var segments names, one at a time, and have a total. One aggregation
    yields all of them: group by {{ segment_sets(['month']) }}, with {{ segment_columns() }} in the select list; the input
    must have the attributes as columns (join dim_customers).
-#}
{% macro segment_sets(columns) -%}
    grouping sets (
        ({{ columns | join(', ') }})
        {%- for segment in var('segments') -%}
        , ({{ (columns + [segment]) | join(', ') }})
        {%- endfor -%}
    )
{%- endmacro %}

{% macro segment_columns() -%}
    {%- if var('segments') -%}
    case
        {%- for segment in var('segments') %}
        when grouping({{ segment }}) = 0 then '{{ segment }}'
        {%- endfor %}
        else 'all'
    end as segment_name,
    case
        {%- for segment in var('segments') %}
        when grouping({{ segment }}) = 0 then {{ segment }}
        {%- endfor %}
        else 'all'
    end as segment_value
    {%- else -%}
    'all' as segment_name,
    'all' as segment_value
    {%- endif -%}
{%- endmacro %}


{#- The condition that rows of two relations have the same attributes, or lack the same. -#}
{% macro equal_segments(left, right) -%}
    {%- for segment in var('segments') -%}
    {{ ' and ' if not loop.first }}{{ left }}.{{ segment }} is not distinct from {{ right }}.{{ segment }}
    {%- endfor -%}
{%- endmacro %}


{#- The attributes of a relation, each after a comma: select customer_days.*{{ segment_attributes('customers') }}. -#}
{% macro segment_attributes(relation) -%}
    {%- for segment in var('segments') %}, {{ relation }}.{{ segment }}{% endfor -%}
{%- endmacro %}


{#- The same where a row may have no customer, or one whom the shop does not know: '(none)'. -#}
{% macro segment_attributes_or_none(relation) -%}
    {%- for segment in var('segments') %}, coalesce({{ relation }}.{{ segment }}, '(none)') as {{ segment }}{% endfor -%}
{%- endmacro %}
