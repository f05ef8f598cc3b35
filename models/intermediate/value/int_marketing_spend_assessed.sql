with

spend as (

    select * from {{ ref('stg_marketing_spend') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    spend.channel,
    case when spend.spend_date >= as_of.as_of then 'after as_of' end as not_counted_reason,
    spend.original_amount,
    spend.amount,
    spend.spend_date < as_of.as_of as is_counted,
    spend.spend_date

from spend
cross join as_of
