with

customers as (

    select * from {{ ref('stg_customers') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

assessed as (

    select
        customers.*,
        {{ local_date('customers.signed_up_at') }} as signed_up_on,
        -- a day to come is no event yet
        case
            when customers.loyalty_joined_at < as_of.as_of_at
                then {{ local_date('customers.loyalty_joined_at') }}
        end as loyalty_joined_on,
        case
            when customers.is_deleted then 'deleted'
            when customers.signed_up_at >= as_of.as_of_at then 'after as_of'
        end as not_counted_reason

    from customers
    cross join as_of

)

select
    customer_id,
    referred_by_customer_id,
    country,
    acquisition_channel,
    not_counted_reason,
    not_counted_reason is null as is_counted,
    signed_up_on,
    loyalty_joined_on{{ pass_through('customers') }}

from assessed
