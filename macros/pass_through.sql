{#-
    Raw columns that no model uses, and that fct_orders or dim_customers hand on as they are: those that
    models/staging/_sources.yml declares with `config: {meta: {pass_through: true}}`. An orders column ends in fct_orders.
    A customers column ends in dim_customers, where the var segments may name it, and in bi.customers.
-#}

{#- The declared columns of a raw table, as the contract describes them. -#}
{% macro pass_through_columns(table_name) %}
    {%- set found = [] -%}
    {%- for column in declared_columns('raw', table_name) if column.config.meta.pass_through -%}
        {%- if table_name not in ('orders', 'customers') -%}
            {%- do exceptions.raise_compiler_error(
                "_sources.yml: " ~ table_name ~ "." ~ column.name
                ~ ": only columns of orders and customers can be passed through"
            ) -%}
        {%- endif -%}
        {%- if column.config.meta.personal -%}
            {%- do exceptions.raise_compiler_error(
                "_sources.yml: " ~ table_name ~ "." ~ column.name
                ~ ": a personal column is not published, so it cannot be passed through"
            ) -%}
        {%- endif -%}
        {%- do found.append(column) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{#- These columns in a select list, each after a comma: updated_at{{ pass_through('orders', 'source') }}. -#}
{% macro pass_through(table_name, relation=none) -%}
    {%- for column in pass_through_columns(table_name) -%}
    , {{ relation ~ '.' if relation }}{{ column.name }}
    {%- endfor -%}
{%- endmacro %}


{#- The same of customers, as attributes: a text that is not known is '(none)', as in every segment. -#}
{% macro pass_through_attributes(relation) -%}
    {%- for column in pass_through_columns('customers') -%}
    {%- if column.data_type in ('text', 'identifier') %}, coalesce({{ relation }}.{{ column.name }}, '(none)') as {{ column.name }}
    {%- else %}, {{ relation }}.{{ column.name }}
    {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#-
    Overrides dbt's check of a contract, so that a declared column needs no second declaration in the mart's YAML: the
    mart's contract gets the columns passed through.
-#}
{% macro default__get_assert_columns_equivalent(sql) %}
    {%- set tables = {'fct_orders': 'orders', 'dim_customers': 'customers', 'customers': 'customers'} -%}
    {%- set types = {
        'identifier': 'string',
        'text': 'string',
        'decimal': 'decimal(18, 4)',
        'integer': 'bigint',
        'boolean': 'boolean',
        'date': 'date',
        'timestamp': 'timestamp',
    } -%}
    {%- for column in pass_through_columns(tables.get(model.name)) -%}
        {%- if column.name in model.columns -%}
            {%- do exceptions.raise_compiler_error(
                "_sources.yml: " ~ tables[model.name] ~ "." ~ column.name ~ ": " ~ model.name
                ~ " has a column of this name already; it cannot be passed through"
            ) -%}
        {%- endif -%}
        {%- do model.columns.update({
            column.name: {'name': column.name, 'data_type': types[column.data_type], 'constraints': []}
        }) -%}
    {%- endfor -%}
    {{ return(assert_columns_equivalent(sql)) }}
{% endmacro %}
