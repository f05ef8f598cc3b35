{#-
    The systems whose exports feed a contract table: those with a model models/sources/<system>/<system>__<table>.sql. dbt
    wants to know what a model depends on before it looks at any file, so the names are written down here.
-#}
{% macro systems_of(table_name) %}
    {{ return({
        'orders': [
            'shopify_admin',
            'shopify_airbyte',
            'shopify_dlt',
            'shopify_fivetran',
            'woocommerce',
        ],
        'refunds': [
            'shopify_admin',
            'shopify_airbyte',
            'shopify_dlt',
            'shopify_fivetran',
            'woocommerce',
        ],
        'customers': [
            'shopify_admin',
            'shopify_airbyte',
            'shopify_dlt',
            'shopify_fivetran',
            'woocommerce',
        ],
        'subscriptions': [
            'recharge_fivetran',
            'woocommerce',
        ],
    }.get(table_name, [])) }}
{% endmacro %}
