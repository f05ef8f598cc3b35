{#-
    A relation without the name of its database, for the views of schema bi. A view keeps names as they are written. With
    the name of the database in it, the published view would break in a file of another name, or attached under one.
-#}
{% macro without_database(relation) -%}
    {{ relation.include(database=false) }}
{%- endmacro %}
