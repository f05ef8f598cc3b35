with

spend as (

    select * from {{ ref('stg_marketing_spend') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

assessed as (

    select
        spend.*,
        case
            when spend.is_deleted then 'deleted'
            when spend.spend_date >= as_of.as_of then 'after as_of'
        end as not_counted_reason

    from spend
    cross join as_of

)

select
    channel,
    not_counted_reason,
    original_amount,
    amount,
    not_counted_reason is null as is_counted,
    spend_date

from assessed
