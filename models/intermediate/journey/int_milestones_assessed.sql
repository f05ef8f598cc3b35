with

milestones as (

    select * from {{ ref('stg_milestones') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

customers as (

    select * from {{ ref('int_customers_segmented') }}

),

assessed as (

    select
        milestones.*,
        {{ local_date('milestones.reached_at') }} as reached_on,
        case
            when milestones.is_deleted then 'deleted'
            when milestones.reached_at >= as_of.as_of_at then 'after as_of'
            when customers.customer_id is null then 'unknown customer'
        end as not_counted_reason

    from milestones
    cross join as_of
    left join customers
        on milestones.customer_id = customers.customer_id

)

select
    customer_id,
    milestone,
    not_counted_reason,
    not_counted_reason is null as is_counted,
    reached_at,
    reached_on

from assessed
