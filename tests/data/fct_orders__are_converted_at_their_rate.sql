select
    order_id,
    original_currency,
    original_amount,
    exchange_rate,
    amount

from {{ ref('fct_orders') }}
where
    amount <> {{ converted('original_amount', 'exchange_rate') }}
    or (original_currency = '{{ var("reporting_currency") }}' and exchange_rate <> 1)
