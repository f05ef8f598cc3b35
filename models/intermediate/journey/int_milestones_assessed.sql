with

milestones as (

    select * from {{ ref('stg_milestones') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

assessed as (

    select
        milestones.*,
        {{ local_date('milestones.reached_at') }} as reached_on,
        case
            when milestones.is_deleted then 'deleted'
            when milestones.reached_at >= as_of.as_of_at then 'after as_of'
        end as not_counted_reason

    from milestones
    cross join as_of

)

select
    customer_id,
    milestone,
    not_counted_reason,
    not_counted_reason is null as is_counted,
    reached_at,
    reached_on

from assessed
