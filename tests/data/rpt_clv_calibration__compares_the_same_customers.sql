with

totals as (

    select
        min(customers) as fewest_customers,
        max(customers) as most_customers,
        min(actual_purchases) as fewest_purchases,
        max(actual_purchases) as most_purchases

    from {{ ref('rpt_clv_calibration') }}
    where mae is not null

)

select * from totals
where
    fewest_customers <> most_customers
    or fewest_purchases <> most_purchases
