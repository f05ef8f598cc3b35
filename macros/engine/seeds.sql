{#-
    In place of dbt-spark's own, which writes an empty field as the text None, and ends a text at its first quote sign.
-#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set sql -%}
    insert into {{ this }} values
        {%- for row in agate_table.rows %}
        (
            {%- for name in agate_table.column_names -%}
            {%- set data_type = types.get(name, adapter.convert_type(agate_table, loop.index0)) -%}
            cast({{ 'null' if row[name] is none else sql_text(row[name] | string) }} as {{ data_type }}){{ ', ' if not loop.last }}
            {%- endfor -%}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    {%- endset -%}
    {%- if agate_table.rows | length -%}
        {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {%- endif -%}
    {{ return(sql) }}
{% endmacro %}
