{#- The folders with a _mapping.yml that feed a contract table: {system, mapping}. -#}
{% macro mapped_folders(table_name) %}
    {{ return([]) }}
{% endmacro %}

{% macro read_mapped(folder, table_name) %}
{% endmacro %}
