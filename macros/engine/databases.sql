{#-
    In place of dbt-spark's own: in a catalog that others use too, the database gets a mark. By this mark a later night knows that
    it may drop the database. orchestration/spark/lakehouse.py makes the mark of a home, and reads it.
-#}
{% macro spark__create_schema(relation) -%}
    {%- call statement('create_schema') -%}
        create schema if not exists {{ relation }}
        {%- if env_var('SPARK_CATALOG', '') in ['hive', 'delta'] %} with dbproperties ('tenure_home' = '{{ env_var('TENURE_HOME_MARK') }}'){% endif %}
    {%- endcall -%}
{%- endmacro %}
