{%- set window_start = dbt.dateadd('month', '-' ~ var('rfm_window_months'), 'as_of.as_of') -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

customers as (

    select * from {{ ref('int_customers_assessed') }}
    where coalesce(not_counted_reason, '') <> 'deleted'

),

tiers as (

    select
        customer_id,
        tier
    from {{ ref('int_customers_assigned_to_tiers') }}
    where is_current

),

stages as (

    select
        customer_id,
        stage
    from {{ ref('fct_stage_changes') }}
    where side = 'overall' and left_on is null

),

rfm_segments as (

    select * from {{ ref('rfm_segments') }}

),

buyers as (

    select
        customer_days.customer_id,
        max(case when customer_days.is_purchase_day then customer_days.activity_date end)
            as last_purchase_date,
        sum(
            case
                when
                    customer_days.is_purchase_day
                    and customer_days.activity_date >= {{ window_start }}
                    then 1
                else 0
            end
        ) as frequency,
        cast(
            sum(
                case
                    when customer_days.activity_date >= {{ window_start }}
                        then customer_days.purchase_revenue
                    else 0
                end
            ) as decimal(18, 2)
        ) as monetary

    from customer_days
    cross join as_of
    group by customer_days.customer_id
    having max(case when customer_days.is_purchase_day then 1 else 0 end) = 1

),

-- Only the buyers of the window are compared: with all others, most scores would be spent on
-- customers who left years ago. One ranking of all buyers would sort them in one task on Spark, so
-- who is worse is counted by day, by frequency and by whole amount.
days as (

    select
        last_purchase_date,
        sum(count(*)) over (order by last_purchase_date) - count(*) as less_recent_buyers,
        sum(count(*)) over () as buyers

    from buyers
    where frequency > 0
    group by last_purchase_date

),

frequencies as (

    select
        frequency,
        sum(count(*)) over (order by frequency) - count(*) as less_frequent_buyers

    from buyers
    where frequency > 0
    group by frequency

),

whole_amounts as (

    select
        floor(monetary) as whole_amount,
        sum(count(*)) over (order by floor(monetary)) - count(*) as less_spending_buyers

    from buyers
    where frequency > 0
    group by floor(monetary)

),

ranked as (

    select
        buyers.customer_id,
        days.buyers,
        days.less_recent_buyers,
        frequencies.less_frequent_buyers,
        whole_amounts.less_spending_buyers - 1 + rank() over (
            partition by whole_amounts.whole_amount order by buyers.monetary
        ) as less_spending_buyers

    from buyers
    inner join days
        on buyers.last_purchase_date = days.last_purchase_date
    inner join frequencies
        on buyers.frequency = frequencies.frequency
    inner join whole_amounts
        on floor(buyers.monetary) = whole_amounts.whole_amount
    where buyers.frequency > 0

),

-- A fifth of the buyers for each score. Equal buyers have equal scores: the lower one. Who bought
-- nothing in the window has 1.
scored as (

    select
        buyers.*,
        coalesce(
            1 + floor({{ safe_divide('5 * ranked.less_recent_buyers', 'ranked.buyers') }}), 1
        ) as r_score,
        coalesce(
            1 + floor({{ safe_divide('5 * ranked.less_frequent_buyers', 'ranked.buyers') }}), 1
        ) as f_score,
        coalesce(
            1 + floor({{ safe_divide('5 * ranked.less_spending_buyers', 'ranked.buyers') }}), 1
        ) as m_score,
        coalesce(10 * ranked.less_spending_buyers >= 9 * ranked.buyers, false) as is_top_decile

    from buyers
    left join ranked
        on buyers.customer_id = ranked.customer_id

)

select
    scored.customer_id,
    cast({{ dbt.datediff('scored.last_purchase_date', 'as_of.last_day', 'day') }} as bigint)
        as recency_days,
    cast(scored.frequency as bigint) as frequency,
    scored.monetary,
    cast(scored.r_score as bigint) as r_score,
    cast(scored.f_score as bigint) as f_score,
    cast(scored.m_score as bigint) as m_score,
    rfm_segments.rfm_segment,
    scored.is_top_decile,
    coalesce(tiers.tier, '(none)') as loyalty_tier,
    stages.stage,
    customers.loyalty_joined_on is not null as is_member,
    customers.loyalty_joined_on as member_since

from scored
cross join as_of
left join rfm_segments
    on
        scored.r_score = rfm_segments.r_score
        and scored.f_score = rfm_segments.f_score
left join tiers
    on scored.customer_id = tiers.customer_id
left join stages
    on scored.customer_id = stages.customer_id
left join customers
    on scored.customer_id = customers.customer_id
