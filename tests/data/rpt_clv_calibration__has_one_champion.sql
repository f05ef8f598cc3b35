with

totals as (

    select
        count(*) as models,
        sum(case when is_champion then 1 else 0 end) as champions,
        sum(case when is_champion and model = 'naive' then 1 else 0 end) as naive_champions,
        min(case when mae is not null then customers end) as fewest_customers,
        max(case when mae is not null then customers end) as most_customers,
        min(actual_purchases) as fewest_purchases,
        max(actual_purchases) as most_purchases

    from {{ ref('rpt_clv_calibration') }}

)

select * from totals
where
    models <> 3
    or champions <> 1
    or naive_champions <> 0
    or fewest_customers <> most_customers
    or fewest_purchases <> most_purchases
