with

-- Many customers have brought the same, so these are few rows.
revenues as (

    select
        lifetime_net_revenue as revenue,
        count(*) as buyers

    from {{ ref('dim_customers') }}
    where first_order_date is not null
    group by lifetime_net_revenue

),

ranked as (

    select
        *,
        sum(buyers) over (
            order by revenue desc rows between unbounded preceding and current row
        ) - buyers as buyers_above

    from revenues

),

sizes as (

    select
        coalesce(sum(buyers), 0) as buyers,
        coalesce(sum(revenue * buyers), 0) as revenue,
        ceiling(coalesce(sum(buyers), 0) / 10e0) as top_buyers
    from revenues

),

tops as (

    select
        coalesce(
            sum(ranked.revenue * least(ranked.buyers, sizes.top_buyers - ranked.buyers_above)), 0
        ) as revenue

    from ranked
    cross join sizes
    where ranked.buyers_above < sizes.top_buyers

),

reported as (

    select
        *,
        ceiling(customers / 10e0) as top_customers,
        customers - ceiling(customers / 10e0) as other_customers
    from {{ ref('rpt_repeat_purchase') }}

)

select
    reported.segment_name,
    reported.segment_value,
    reported.period_grain,
    reported.cohort_start,
    reported.top_decile_revenue_share,
    reported.top_decile_spend_multiple,
    tops.revenue as top_revenue

from reported
cross join sizes
cross join tops
where
    (
        reported.segment_name = 'all'
        and reported.period_grain = 'all'
        and (
            (reported.top_decile_revenue_share is null) <> (sizes.revenue <= 0)
            or abs(reported.top_decile_revenue_share * sizes.revenue - tops.revenue)
            > 1e-12 * abs(tops.revenue)
        )
    )
    -- The best tenth never brings less than its part, and the multiple says the same as the share.
    or reported.top_decile_revenue_share
    < reported.top_customers / reported.customers - 1e-12
    or abs(
        reported.top_decile_revenue_share
        - reported.top_decile_spend_multiple * reported.top_customers / (
            reported.top_decile_spend_multiple * reported.top_customers
            + reported.other_customers
        )
    ) > 1e-12
