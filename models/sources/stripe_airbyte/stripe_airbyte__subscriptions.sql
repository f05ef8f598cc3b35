select * from {{ ref('stripe__subscription_rows') }}
where system = 'stripe_airbyte'
