{%- set window_start = dbt.dateadd('month', '-' ~ var('rfm_window_months'), 'as_of.as_of') -%}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

scores as (

    select
        count(*) as customers,
        coalesce(sum(frequency), 0) as frequency,
        coalesce(sum(monetary), 0) as monetary,
        coalesce(min(recency_days), 0) as recency_days,
        coalesce(
            sum(
                case
                    when
                        (frequency = 0 and (r_score + f_score + m_score <> 3 or is_top_decile))
                        or is_member <> (member_since is not null)
                        -- who has bought is no prospect any more
                        or stage = 'prospect'
                        then 1
                    else 0
                end
            ),
            0
        ) as impossible_rows,
        coalesce(sum(case when loyalty_tier <> '(none)' then 1 else 0 end), 0) as with_tier

    from {{ ref('fct_customer_scores') }}

),

purchases as (

    select
        coalesce(sum(case when order_number = 1 then 1 else 0 end), 0) as customers,
        coalesce(
            sum(
                case
                    when
                        order_date >= {{ window_start }}
                        and coalesce(days_since_previous_order, 1) > 0
                        then 1
                    else 0
                end
            ),
            0
        ) as frequency,
        coalesce(sum(case when order_date >= {{ window_start }} then amount else 0 end), 0)
            as amount,
        coalesce(min({{ dbt.datediff('order_date', 'as_of.last_day', 'day') }}), 0)
            as recency_days

    from {{ ref('fct_orders') }}
    cross join as_of
    where customer_id is not null and subscription_id is null

),

refunds as (

    select coalesce(sum(refunds.amount), 0) as amount

    from {{ ref('int_refunds_assessed') }} as refunds
    cross join as_of
    where
        refunds.is_counted
        and refunds.is_of_purchase
        and refunds.customer_id is not null
        and refunds.refund_date >= {{ window_start }}

),

members as (

    select coalesce(sum(holders_at_end), 0) as members
    from {{ ref('rpt_loyalty_tiers') }}
    where month = (select max(month) from {{ ref('int_months_spined') }})

)

select scores.*

from scores
cross join purchases
cross join refunds
cross join members
where
    scores.customers <> purchases.customers
    or scores.frequency <> purchases.frequency
    or scores.monetary <> purchases.amount - refunds.amount
    or scores.recency_days <> purchases.recency_days
    or scores.impossible_rows > 0
    -- a subscriber may have a tier by renewals, and no purchase to score
    or scores.with_tier > members.members
