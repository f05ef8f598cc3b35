select dim_customers.customer_id

from {{ ref('dim_customers') }} as dim_customers
full outer join {{ ref('fct_customer_value') }} as customer_value
    on dim_customers.customer_id = customer_value.customer_id
where
    (dim_customers.acquired_on is not null and customer_value.customer_id is null)
    or dim_customers.acquired_on is null and customer_value.customer_id is not null
    or (dim_customers.acquired_on is null) <> (dim_customers.tenure_days is null)
    -- the same days, counted in the purchase history of those whom an order acquired
    or (
        dim_customers.acquired_on = dim_customers.first_order_date
        and dim_customers.tenure_days <> customer_value.age_days
    )
