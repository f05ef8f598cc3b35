with

histories as (

    select * from {{ ref('int_purchases_aggregated_to_histories') }}

)

select
    trained_on,
    frequency,
    recency_days,
    age_days,
    count(*) as customers

from histories
group by trained_on, frequency, recency_days, age_days
