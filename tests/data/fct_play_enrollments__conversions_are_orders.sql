-- One in sixteen customers, the same ones each night: this reads all of their orders.
with

enrollments as (

    select * from {{ ref('fct_play_enrollments') }}
    where substr({{ dbt.hash('customer_id') }}, 1, 1) = '0'

),

order_days as (

    select distinct
        customer_id,
        order_date
    from {{ ref('fct_orders') }}
    where
        subscription_id is null
        and substr({{ dbt.hash('customer_id') }}, 1, 1) = '0'

),

counted as (

    select
        enrollments.customer_id,
        enrollments.play_id,
        enrollments.goal,
        enrollments.enrolled_on,
        enrollments.converted_on,
        enrollments.purchases_before,
        enrollments.days_since_last_purchase,
        min(
            case
                when
                    enrollments.enrolled_on <= order_days.order_date
                    and enrollments.window_ends_on > order_days.order_date
                    then order_days.order_date
            end
        ) as first_order_on,
        sum(case when enrollments.enrolled_on > order_days.order_date then 1 else 0 end)
            as days_before,
        max(
            case
                when enrollments.enrolled_on > order_days.order_date then order_days.order_date
            end
        ) as last_day_before

    from enrollments
    left join order_days
        on enrollments.customer_id = order_days.customer_id
    group by
        enrollments.customer_id,
        enrollments.play_id,
        enrollments.goal,
        enrollments.enrolled_on,
        enrollments.converted_on,
        enrollments.purchases_before,
        enrollments.days_since_last_purchase

)

select * from counted
where
    (goal = 'order' and converted_on is distinct from first_order_on)
    or purchases_before <> days_before
    or days_since_last_purchase
    is distinct from {{ dbt.datediff('last_day_before', 'enrolled_on', 'day') }}
