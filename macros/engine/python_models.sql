{#-
    Overrides dbt-spark's last lines of a Python model, which are for Databricks: the model runs in the process of dbt
    (orchestration/spark/adapter.py), and sees tables as on DuckDB.
-#}
{% macro py_write_table(compiled_code, target_relation) %}
{{ compiled_code }}
write_table(model(dbtObj(load_relation), spark), '{{ target_relation }}', '{{ config.get("file_format", "parquet") }}')
{%- endmacro %}
