with

orders as (

    select
        customer_id,
        order_date
    from {{ ref('fct_orders') }}
    where customer_id is not null and subscription_id is null

),

first_orders_in_window as (

    select
        enrollments.customer_id,
        enrollments.play_id,
        enrollments.enrolled_on,
        enrollments.converted_on,
        min(orders.order_date) as first_order_on

    from {{ ref('fct_play_enrollments') }} as enrollments
    left join orders
        on
            enrollments.customer_id = orders.customer_id
            and enrollments.enrolled_on <= orders.order_date
            and enrollments.window_ends_on > orders.order_date
    where enrollments.goal = 'order'
    group by
        enrollments.customer_id,
        enrollments.play_id,
        enrollments.enrolled_on,
        enrollments.converted_on

)

select * from first_orders_in_window
where converted_on is distinct from first_order_on
