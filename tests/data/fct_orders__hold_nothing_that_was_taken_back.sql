select
    orders.order_id,
    orders.is_deleted,
    orders.is_test

from {{ ref('stg_orders') }} as orders
inner join {{ ref('fct_orders') }} as fct_orders
    on orders.order_id = fct_orders.order_id
where orders.is_deleted or orders.is_test
