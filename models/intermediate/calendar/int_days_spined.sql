with

order_days as (

    select min(activity_date) as first_day from {{ ref('int_orders_aggregated_to_customer_days') }}

),

guest_order_days as (

    select min(order_date) as first_day
    from {{ ref('int_orders_assessed') }}
    where is_counted

),

-- A trial may start long before the first payment.
subscription_days as (

    select
        min(
            case
                when is_trial then {{ local_date('in_force_from') }}
                else {{ local_date('pays_from') }}
            end
        ) as first_day
    from {{ ref('int_subscription_versions_priced') }}
    where is_paying or is_trial

),

spend_days as (

    select min(spend_date) as first_day
    from {{ ref('int_marketing_spend_assessed') }}
    where is_counted

),

first_days as (

    select first_day from order_days

    union all

    select first_day from guest_order_days

    union all

    select first_day from subscription_days

    union all

    select first_day from spend_days

),

bounds as (

    select
        min(first_days.first_day) as first_day,
        max(as_of.last_day) as last_day

    from first_days
    cross join {{ ref('int_as_of') }} as as_of

),

days as (

    {{ each_day('first_day', 'last_day', 'bounds') }}

)

select date_day from days
