with

histories as (

    select * from {{ ref('int_purchases_aggregated_to_histories') }}

)

select
    fit,
    frequency,
    recency_days,
    age_days,
    count(*) as customers

from histories
group by fit, frequency, recency_days, age_days
