with

carts as (

    select * from {{ ref('stg_carts') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

assessed as (

    select
        carts.*,
        {{ local_date('carts.created_at') }} as created_on,
        case
            when carts.is_deleted then 'deleted'
            when carts.created_at >= as_of.as_of_at then 'after as_of'
        end as not_counted_reason

    from carts
    cross join as_of

)

select
    cart_id,
    customer_id,
    order_id,
    not_counted_reason,
    original_amount,
    amount,
    not_counted_reason is null as is_counted,
    created_at,
    created_on

from assessed
