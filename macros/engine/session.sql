{#-
    dbt asks for the schemas before it builds or tests anything. In place of dbt-spark's own: plain dbt is refused here. Its session
    cuts days in the timezone of the machine, and makes an overflow an empty value. orchestration/spark/adapter.py sets the variable.
-#}
{% macro spark__list_schemas(database) -%}
    {%- if env_var('TENURE_SPARK_SESSION', '') != 'strict' -%}
        {%- do exceptions.raise_compiler_error(
            "The target spark needs a session with ANSI mode and the timezone UTC, and plain dbt makes another one."
            ~ " Run: .venv/bin/python -m orchestration.spark <command of dbt>"
        ) -%}
    {%- endif -%}
    {% call statement('list_schemas', fetch_result=True, auto_begin=False) %}
        show databases
    {% endcall %}
    {{ return(load_result('list_schemas').table) }}
{%- endmacro %}
