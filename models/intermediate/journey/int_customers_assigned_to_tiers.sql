with

customer_days as (

    select * from {{ ref('int_orders_aggregated_to_customer_days') }}

),

months_of_days as (

    select
        date_day,
        period_number as month_number
    from {{ ref('int_days_assigned_to_periods') }}
    where period_grain = 'month'

),

tiers as (

    select
        tier,
        tier_rank,
        minimum_spend,
        kept_for_months,
        lead(minimum_spend) over (order by minimum_spend) as next_minimum_spend
    from {{ ref('loyalty_tiers') }}

),

-- Most customers never spend enough for any tier. To leave them out first saves most of the work.
spenders as (

    select customer_id
    from customer_days
    group by customer_id
    having
        sum(case when net_revenue > 0 then net_revenue else 0 end)
        >= (select min(tiers.minimum_spend) from tiers)

),

-- The twelve months before a month hold an amount from the next month on, and no longer a year
-- later. So the spend changes in few months, and no row per customer and month is needed.
spend_changes as (

    select
        customer_days.customer_id,
        months_of_days.month_number + steps.months_later as month_number,
        case
            when steps.months_later = 1 then customer_days.net_revenue
            else -customer_days.net_revenue
        end as change

    from customer_days
    inner join spenders
        on customer_days.customer_id = spenders.customer_id
    inner join months_of_days
        on customer_days.activity_date = months_of_days.date_day
    cross join (
        select 1 as months_later

        union all

        select 13 as months_later
    ) as steps

),

spends as (

    select
        customer_id,
        month_number,
        sum(sum(change)) over (
            partition by customer_id
            order by month_number
            rows between unbounded preceding and current row
        ) as spend

    from spend_changes
    group by customer_id, month_number

),

qualified as (

    select
        spends.customer_id,
        spends.month_number,
        coalesce(tiers.tier_rank, 0) as tier_rank,
        lag(coalesce(tiers.tier_rank, 0), 1, 0) over (
            partition by spends.customer_id order by spends.month_number
        ) as previous_tier_rank

    from spends
    left join tiers
        on
            spends.spend >= tiers.minimum_spend
            and (tiers.next_minimum_spend is null or spends.spend < tiers.next_minimum_spend)

),

-- Who reaches gold at once has reached silver too, and keeps each of them for its own months.
crossings as (

    select
        qualified.customer_id,
        tiers.tier_rank,
        tiers.kept_for_months,
        qualified.month_number,
        qualified.tier_rank > qualified.previous_tier_rank as is_reached,
        lead(qualified.month_number) over (
            partition by qualified.customer_id, tiers.tier_rank order by qualified.month_number
        ) as next_crossing

    from qualified
    inner join tiers
        on
            tiers.tier_rank > least(qualified.tier_rank, qualified.previous_tier_rank)
            and tiers.tier_rank <= greatest(qualified.tier_rank, qualified.previous_tier_rank)

),

-- From the month in which the spend reached the tier, until it no longer does, and as long as the
-- tier is kept at least. A window that ends after as_of is still an open end.
holds as (

    select
        customer_id,
        tier_rank,
        month_number,
        case
            when next_crossing is not null
                then greatest(next_crossing, month_number + kept_for_months)
        end as until_month_number

    from crossings
    where is_reached

),

boundaries as (

    select
        customer_id,
        month_number
    from holds

    union distinct

    select
        customer_id,
        until_month_number as month_number
    from holds
    where until_month_number is not null

),

-- The highest of the tiers that the customer holds.
tiers_at_boundaries as (

    select
        boundaries.customer_id,
        boundaries.month_number,
        coalesce(max(holds.tier_rank), 0) as tier_rank

    from boundaries
    left join holds
        on
            boundaries.customer_id = holds.customer_id
            and boundaries.month_number >= holds.month_number
            and (
                holds.until_month_number is null
                or boundaries.month_number < holds.until_month_number
            )
    where boundaries.month_number <= (select max(months_of_days.month_number) from months_of_days)
    group by boundaries.customer_id, boundaries.month_number

),

with_previous as (

    select
        *,
        lag(tier_rank, 1, 0) over (partition by customer_id order by month_number)
            as previous_tier_rank

    from tiers_at_boundaries

)

select
    with_previous.customer_id,
    tiers.tier,
    with_previous.tier_rank,
    with_previous.previous_tier_rank,
    with_previous.month_number as first_month_number,
    coalesce(
        lead(with_previous.month_number) over a_customer - 1, last_months.month_number
    ) as last_month_number,
    lead(with_previous.month_number) over a_customer is null as is_current

from with_previous
cross join (
    select max(months_of_days.month_number) as month_number from months_of_days
) as last_months
left join tiers
    on with_previous.tier_rank = tiers.tier_rank
where with_previous.tier_rank <> with_previous.previous_tier_rank
window a_customer as (
    partition by with_previous.customer_id order by with_previous.month_number
)
