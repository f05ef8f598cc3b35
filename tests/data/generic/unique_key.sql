{#-
    The columns identify a row: none of them is NULL and no two rows agree in all of them. The columns not_null are never NULL.
    One scan. A model that is counted by attributes has the attributes that the var segments lists in its key, too.
-#}
{% test unique_key(model, columns, has_attributes=false, not_null=[]) %}
{%- set columns = columns + (var('segments') if has_attributes else []) %}

select
    {{ columns | join(', ') }},
    {% for column in not_null -%}
        count(*) - count({{ column }}) as rows_without_{{ column }},
    {% endfor -%}
    count(*) as rows_with_this_key

from {{ model }}
group by {{ columns | join(', ') }}
having
    count(*) > 1 or {{ columns | join(' is null or ') }} is null
    {% for column in not_null -%}
        or count({{ column }}) < count(*)
    {% endfor %}

{% endtest %}
