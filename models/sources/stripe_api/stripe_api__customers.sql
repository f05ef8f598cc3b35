select * from {{ ref('stripe__customer_objects') }}
where system = 'stripe_api'
