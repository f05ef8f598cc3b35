{#-
    The columns identify a row: none of them is NULL and no two rows agree in all of them. One scan. A model that is counted
    by attributes has the attributes that the var segments lists in its key, too.
-#}
{% test unique_key(model, columns, has_attributes=false) %}
{%- set columns = columns + (var('segments') if has_attributes else []) %}

select
    {{ columns | join(', ') }},
    count(*) as rows_with_this_key

from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 or {{ columns | join(' is null or ') }} is null

{% endtest %}
