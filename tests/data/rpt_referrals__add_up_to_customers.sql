-- The accounts that count, from core.dim_customers, and the buyers of rpt_repeat_purchase.
with

referred as (

    select
        count(*) as referred_customers,
        count(customers.acquired_on) as became_customers,
        coalesce(sum(customers.lifetime_net_revenue), 0) as net_revenue

    from {{ ref('dim_customers') }} as customers
    inner join {{ ref('int_referrals_assessed') }} as referrals
        on customers.customer_id = referrals.customer_id
    where referrals.is_counted

),

-- A referrer is owed a reward for each referred customer who bought, less those that were sent.
sent_rewards as (

    select
        customer_id,
        count(*) as rewards
    from {{ ref('int_contacts_assessed') }}
    where is_counted and step = 'reward'
    group by customer_id

),

owed as (

    select
        referrals.referrer_id,
        greatest(
            count(customers.first_order_date) - coalesce(max(sent_rewards.rewards), 0), 0
        ) as rewards_due

    from {{ ref('int_referrals_assessed') }} as referrals
    inner join {{ ref('dim_customers') }} as customers
        on referrals.customer_id = customers.customer_id
    left join sent_rewards
        on referrals.referrer_id = sent_rewards.customer_id
    where referrals.is_counted
    group by referrals.referrer_id

),

referrers as (

    select
        coalesce(sum(referred_customers), 0) as referred_customers,
        coalesce(sum(referred_net_revenue), 0) as net_revenue
    from {{ ref('dim_customers') }}

),

unknown_referrers as (

    select
        count(*) as referred_customers,
        coalesce(sum(customers.lifetime_net_revenue), 0) as net_revenue

    from {{ ref('int_referrals_assessed') }} as referrals
    inner join {{ ref('dim_customers') }} as customers
        on referrals.customer_id = customers.customer_id
    left join {{ ref('dim_customers') }} as known
        on referrals.referrer_id = known.customer_id
    where referrals.is_counted and known.customer_id is null

),

reported as (

    select
        coalesce(sum(referred_customers), 0) as referred_customers,
        coalesce(sum(became_customers), 0) as became_customers,
        coalesce(sum(rewards_due), 0) as rewards_due
    from {{ ref('rpt_referrals') }}
    where segment_name = 'all' and period_grain = 'all'

)

select
    'referrals' as what,
    reported.referred_customers,
    referred.referred_customers as expected_customers

from reported
cross join referred
cross join referrers
cross join unknown_referrers
where
    reported.referred_customers <> referred.referred_customers
    or reported.became_customers <> referred.became_customers
    or reported.rewards_due <> (select coalesce(sum(owed.rewards_due), 0) from owed)
    or referrers.referred_customers + unknown_referrers.referred_customers
    <> referred.referred_customers
    or referrers.net_revenue + unknown_referrers.net_revenue <> referred.net_revenue

union all

select
    'buyers' as what,
    referrals.referred_buyers + referrals.other_buyers as referred_customers,
    repeats.customers as expected_customers

from {{ ref('rpt_repeat_purchase') }} as repeats
full outer join {{ ref('rpt_referrals') }} as referrals
    on
        repeats.segment_name = referrals.segment_name
        and repeats.segment_value = referrals.segment_value
        and repeats.period_grain = referrals.period_grain
        and coalesce(repeats.cohort_start, date '0001-01-01')
        = coalesce(referrals.period_start, date '0001-01-01')
where
    coalesce(repeats.period_grain, 'all') in ('month', 'all')
    and (
        coalesce(repeats.customers, 0)
        <> coalesce(referrals.referred_buyers + referrals.other_buyers, 0)
        or coalesce(repeats.mature_customers_90d, 0) <> coalesce(
            referrals.referred_mature_customers_90d + referrals.other_mature_customers_90d, 0
        )
        or coalesce(repeats.repeat_customers_90d, 0) <> coalesce(
            referrals.referred_repeat_customers_90d + referrals.other_repeat_customers_90d, 0
        )
    )
