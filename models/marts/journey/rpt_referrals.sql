{%- set reward = "cast('" ~ var('referral_reward') ~ "' as decimal(18, 2))" -%}
{#- The two groups of buyers that are compared. -#}
{%- set sides = ['referred', 'other'] -%}
{%- set measures = [
    'buyers', 'mature_90d', 'repeat_90d', 'mature_365d', 'net_revenue_365d', 'squares_365d',
] -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

referrals as (

    select * from {{ ref('int_referrals_assessed') }}
    where is_counted

),

buyers as (

    select * from {{ ref('int_buyers_aggregated_to_referral_cohorts') }}

),

rewards as (

    select
        customer_id,
        count(*) as rewards_sent
    from {{ ref('int_contacts_assessed') }}
    where is_counted and step = 'reward'
    group by customer_id

),

-- The account dates the referral. Where the shop does not say when it was made, the acquisition does.
-- The rewards that a referrer got are those of the first referred customers who bought.
dated_referrals as (

    select
        customers.*,
        referrals.referrer_id,
        customers.first_order_date is not null
        and row_number() over (
            partition by referrals.referrer_id
            order by customers.first_order_date nulls last, customers.customer_id
        ) > coalesce(rewards.rewards_sent, 0) as is_reward_due,
        cast({{ dbt.date_trunc(
            'month', 'coalesce(referrals.signed_up_on, customers.acquired_on)'
        ) }} as date) as month

    from referrals
    inner join {{ ref('dim_customers') }} as customers
        on referrals.customer_id = customers.customer_id
    left join rewards
        on referrals.referrer_id = rewards.customer_id

),

-- Without either, a referral counts in all time alone.
referrals_of_periods as (

    select
        *,
        'month' as period_grain,
        month as period_start
    from dated_referrals
    where month is not null

    union all

    select
        *,
        'all' as period_grain,
        cast(null as date) as period_start
    from dated_referrals

),

counted_referrals as (

    select
        {{ segment_columns() }},
        period_grain,
        period_start,
        count(distinct referrer_id) as referrers,
        count(*) as referred_customers,
        count(acquired_on) as became_customers,
        sum(case when is_reward_due then 1 else 0 end) as rewards_due

    from referrals_of_periods
    group by {{ segment_sets(['period_grain', 'period_start']) }}

),

cells as (

    select
        segment_name,
        segment_value,
        period_grain,
        period_start
    from counted_referrals

    union distinct

    select
        segment_name,
        segment_value,
        period_grain,
        period_start
    from buyers

),

joined as (

    select
        cells.*,
        {%- for side in sides %}
        {%- for measure in measures %}
        coalesce(buyers.{{ side }}_{{ measure }}, 0) as {{ side }}_{{ measure }},
        {%- endfor %}
        {%- endfor %}
        coalesce(counted_referrals.referrers, 0) as referrers,
        coalesce(counted_referrals.referred_customers, 0) as referred_customers,
        coalesce(counted_referrals.became_customers, 0) as became_customers,
        coalesce(counted_referrals.rewards_due, 0) as rewards_due

    from cells
    left join counted_referrals
        on
            cells.segment_name = counted_referrals.segment_name
            and cells.segment_value = counted_referrals.segment_value
            and cells.period_grain = counted_referrals.period_grain
            and cells.period_start is not distinct from counted_referrals.period_start
    left join buyers
        on
            cells.segment_name = buyers.segment_name
            and cells.segment_value = buyers.segment_value
            and cells.period_grain = buyers.period_grain
            and cells.period_start is not distinct from buyers.period_start

),

-- The error of a mean needs two customers.
with_means as (

    select
        *,
        {{ safe_divide('referred_net_revenue_365d', 'referred_mature_365d') }} as referred_mean,
        {{ variance_of_sums(
            'referred_mature_365d', 'referred_net_revenue_365d', 'referred_squares_365d'
        ) }} / referred_mature_365d as referred_variance_of_mean,
        {{ safe_divide('other_net_revenue_365d', 'other_mature_365d') }} as other_mean,
        {{ variance_of_sums(
            'other_mature_365d', 'other_net_revenue_365d', 'other_squares_365d'
        ) }} / other_mature_365d as other_variance_of_mean

    from joined

)

{%- set z = normal_quantile() %}

select
    cells.segment_name,
    cells.segment_value,
    cells.period_grain,
    cells.period_start,
    cast(cells.referrers as bigint) as referrers,
    cast(cells.referred_customers as bigint) as referred_customers,
    cast(cells.became_customers as bigint) as became_customers,
    {{ safe_divide('cells.became_customers', 'cells.referred_customers') }} as conversion_rate,
    {{ wilson_low('cells.became_customers', 'cells.referred_customers') }} as conversion_ci_low,
    {{ wilson_high('cells.became_customers', 'cells.referred_customers') }} as conversion_ci_high,
    cast(cells.rewards_due as bigint) as rewards_due,
    cast(cells.rewards_due * {{ reward }} as decimal(18, 2)) as reward_amount,
    {%- for side in sides %}
    {%- set repeats, mature = 'cells.' ~ side ~ '_repeat_90d', 'cells.' ~ side ~ '_mature_90d' %}
    {%- set reach = z ~ ' * sqrt(cells.' ~ side ~ '_variance_of_mean)' %}
    cast(cells.{{ side }}_buyers as bigint) as {{ side }}_buyers,
    cast({{ mature }} as bigint) as {{ side }}_mature_customers_90d,
    cast({{ repeats }} as bigint) as {{ side }}_repeat_customers_90d,
    {{ safe_divide(repeats, mature) }} as {{ side }}_repeat_rate_90d,
    {{ wilson_low(repeats, mature) }} as {{ side }}_repeat_ci_low_90d,
    {{ wilson_high(repeats, mature) }} as {{ side }}_repeat_ci_high_90d,
    cast(cells.{{ side }}_mature_365d as bigint) as {{ side }}_mature_customers_365d,
    cast(cells.{{ side }}_net_revenue_365d as decimal(18, 2)) as {{ side }}_net_revenue_365d,
    {{ round_to_cent('cells.' ~ side ~ '_mean') }} as {{ side }}_value_365d,
    {{ round_to_cent('cells.' ~ side ~ '_mean - ' ~ reach) }} as {{ side }}_value_ci_low_365d,
    {{ round_to_cent('cells.' ~ side ~ '_mean + ' ~ reach) }} as {{ side }}_value_ci_high_365d,
    {%- endfor %}
    {%- set both = ['cells.referred_repeat_90d', 'cells.referred_mature_90d'] %}
    {%- set others = ['cells.other_repeat_90d', 'cells.other_mature_90d'] %}
    {%- set difference = 'cells.referred_mean - cells.other_mean' %}
    {%- set reach = z
        ~ ' * sqrt(cells.referred_variance_of_mean + cells.other_variance_of_mean)' %}
    {{ safe_divide(*both) }} - {{ safe_divide(*others) }} as repeat_difference_90d,
    {{ newcombe_low(*(both + others)) }} as repeat_difference_ci_low_90d,
    {{ newcombe_high(*(both + others)) }} as repeat_difference_ci_high_90d,
    {{ round_to_cent(difference) }} as value_difference_365d,
    {{ round_to_cent(difference ~ ' - ' ~ reach) }} as value_difference_ci_low_365d,
    {{ round_to_cent(difference ~ ' + ' ~ reach) }} as value_difference_ci_high_365d,
    coalesce({{ dbt.dateadd('month', 1, 'cells.period_start') }} <= as_of.as_of, false)
        as is_complete

from with_means as cells
cross join as_of
