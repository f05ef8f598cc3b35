{#- Spend is added up from the months of a customer here, and not from changes of a window. -#}
with

months as (

    select * from {{ ref('int_months_spined') }}

),

last_month as (

    select max(month_number) as month_number from months

),

tiers as (

    select * from {{ ref('loyalty_tiers') }}

),

changes as (

    select * from {{ ref('int_customers_assigned_to_tiers') }}

),

spends as (

    select
        customer_months.customer_id,
        last_month.month_number - months.month_number as months_ago,
        customer_months.net_revenue

    from {{ ref('fct_customer_months') }} as customer_months
    inner join months
        on customer_months.month = months.month
    cross join last_month
    where customer_months.net_revenue <> 0

),

spends_of_year as (

    select
        customer_id,
        sum(net_revenue) as spend
    from spends
    where months_ago between 1 and 12
    group by customer_id

),

-- Who has spent enough has the tier, or a higher one.
below_their_spend as (

    select
        spends_of_year.customer_id,
        'has a lower tier than the spend says' as what

    from spends_of_year
    inner join tiers
        on spends_of_year.spend >= tiers.minimum_spend
    left join changes
        on spends_of_year.customer_id = changes.customer_id and changes.is_current
    where coalesce(changes.tier_rank, 0) < tiers.tier_rank

),

-- Who has a tier has spent enough for it by a month in which it was reached, or is still held.
above_their_spend as (

    select
        changes.customer_id,
        'has a tier without the spend' as what

    from changes
    inner join tiers
        on changes.tier_rank = tiers.tier_rank
    left join spends
        on
            changes.customer_id = spends.customer_id
            and spends.net_revenue > 0
            and spends.months_ago between 1 and 12 + greatest(tiers.kept_for_months - 1, 0)
    where changes.is_current
    group by changes.customer_id, tiers.minimum_spend
    having coalesce(sum(spends.net_revenue), 0) < tiers.minimum_spend

),

-- One stretch follows the other, and each has another tier.
not_in_sequence as (

    select
        changes.customer_id,
        'has a stretch that does not follow the one before' as what

    from (
        select
            *,
            lag(last_month_number) over a_customer as month_before,
            lag(tier_rank, 1, 0) over a_customer as rank_before

        from changes
        window a_customer as (partition by customer_id order by first_month_number)
    ) as changes
    where
        changes.first_month_number <> changes.month_before + 1
        or changes.previous_tier_rank <> changes.rank_before
        or changes.tier_rank = changes.previous_tier_rank
        or changes.last_month_number < changes.first_month_number

)

select * from below_their_spend

union all

select * from above_their_spend

union all

select * from not_in_sequence
