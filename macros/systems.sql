{#-
    The systems whose exports feed a contract table: those with a model models/sources/<system>/<system>__<table>.sql. dbt
    wants to know what a model depends on before it looks at any file, so the names are written down here.
-#}
{% macro systems_of(table_name) %}
    {{ return({
        'orders': [
            'paypal',
            'shopify_admin',
            'shopify_airbyte',
            'shopify_dlt',
            'shopify_fivetran',
            'square',
            'woocommerce',
        ],
        'refunds': [
            'paypal',
            'shopify_admin',
            'shopify_airbyte',
            'shopify_dlt',
            'shopify_fivetran',
            'square',
            'woocommerce',
        ],
        'customers': [
            'recurly_fivetran',
            'shopify_admin',
            'shopify_airbyte',
            'shopify_dlt',
            'shopify_fivetran',
            'stripe_airbyte',
            'stripe_api',
            'stripe_dashboard',
            'woocommerce',
        ],
        'subscriptions': [
            'chargebee',
            'chargebee_fivetran',
            'recharge_fivetran',
            'recurly_fivetran',
            'stripe_airbyte',
            'stripe_api',
            'stripe_dashboard',
            'stripe_fivetran',
            'woocommerce',
        ],
    }.get(table_name, [])) }}
{% endmacro %}
