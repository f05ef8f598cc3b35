{#-
    In place of dbt-spark's own: in a catalog that others use too, the database gets a mark. By this mark a later night knows that
    it may drop the database. orchestration/spark/lakehouse.py reads the mark, and says why it is a hash.
-#}
{% macro spark__create_schema(relation) -%}
    {%- set home = env_var('TENURE_HOME', '') or env_var('PWD', '.') ~ '/var' -%}
    {%- call statement('create_schema') -%}
        create schema if not exists {{ relation }}
        {%- if env_var('SPARK_CATALOG', '') in ['hive', 'delta'] %} with dbproperties ('tenure_home' = '{{ local_md5(home) }}'){% endif %}
    {%- endcall -%}
{%- endmacro %}
