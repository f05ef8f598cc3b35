{%- set move_columns = [
    'joined_holders', 'moved_up_in', 'moved_down_in', 'moved_up_out', 'moved_down_out', 'left_holders',
] -%}

with

changes as (

    select * from {{ ref('int_customers_assigned_to_tiers') }}

),

tiers as (

    select * from {{ ref('loyalty_tiers') }}

),

months as (

    select * from {{ ref('int_months_spined') }}

),

days as (

    select
        date_day,
        period_number as month_number
    from {{ ref('int_days_assigned_to_periods') }}
    where period_grain = 'month'

),

-- Each change counts in the tier that it leads into, and in the tier that it leads out of.
moves as (

    select
        changes.first_month_number as month_number,
        tiers.tier_rank,
        sum(case when changes.tier_rank = tiers.tier_rank then 1 else -1 end) as net_change,
        sum(case when changes.previous_tier_rank = 0 then 1 else 0 end) as joined_holders,
        sum(case when changes.tier_rank = 0 then 1 else 0 end) as left_holders,
        sum(
            case when changes.previous_tier_rank between 1 and tiers.tier_rank - 1 then 1 else 0 end
        ) as moved_up_in,
        sum(case when changes.previous_tier_rank > tiers.tier_rank then 1 else 0 end)
            as moved_down_in,
        sum(case when changes.tier_rank > tiers.tier_rank then 1 else 0 end) as moved_up_out,
        sum(case when changes.tier_rank between 1 and tiers.tier_rank - 1 then 1 else 0 end)
            as moved_down_out

    from changes
    inner join tiers
        on tiers.tier_rank in (changes.tier_rank, changes.previous_tier_rank)
    group by changes.first_month_number, tiers.tier_rank

),

spend as (

    select
        months.month_number,
        changes.tier_rank,
        sum(customer_months.net_revenue) as net_revenue

    from {{ ref('fct_customer_months') }} as customer_months
    inner join months
        on customer_months.month = months.month
    inner join changes
        on
            customer_months.customer_id = changes.customer_id
            and months.month_number >= changes.first_month_number
            and months.month_number <= changes.last_month_number
    group by months.month_number, changes.tier_rank

),

-- The months at whose start a buyer is active, run by run. A run that begins and ends between two
-- starts has none. The end of the last month is the start of a month that is not there yet.
active_months as (

    select
        runs.customer_id,
        first_days.month_number + 1 as first_month_number,
        coalesce(
            last_days.month_number, (select max(months.month_number) + 1 from months)
        ) as last_month_number,
        last_days.month_number is not null
        and coalesce(
            lead(first_days.month_number) over (
                partition by runs.customer_id order by runs.started_on
            ) > last_days.month_number,
            true
        ) as is_lost

    from {{ ref('int_activities_merged_to_runs') }} as runs
    inner join days as first_days
        on runs.started_on = first_days.date_day
    left join days as last_days
        on runs.ended_on = last_days.date_day
    where
        runs.basis = 'orders'
        and (last_days.month_number is null or first_days.month_number < last_days.month_number)

),

-- The months of a run in which the customer has one tier.
active_stretches as (

    select
        changes.tier_rank,
        greatest(changes.first_month_number, active_months.first_month_number)
            as first_month_number,
        least(changes.last_month_number, active_months.last_month_number) as last_month_number,
        active_months.is_lost
        and active_months.last_month_number <= changes.last_month_number as is_lost

    from changes
    inner join active_months
        on
            changes.customer_id = active_months.customer_id
            and changes.first_month_number <= active_months.last_month_number
            and changes.last_month_number >= active_months.first_month_number

),

activity as (

    select
        tier_rank,
        month_number,
        sum(starts) as starts,
        sum(stops) as stops,
        sum(case when is_lost then 1 else 0 end) as lost_holders

    from (
        select
            tier_rank,
            first_month_number as month_number,
            1 as starts,
            0 as stops,
            false as is_lost
        from active_stretches

        union all

        select
            tier_rank,
            last_month_number as month_number,
            0 as starts,
            1 as stops,
            is_lost
        from active_stretches
    ) as their_ends
    group by tier_rank, month_number

),

with_holders as (

    select
        months.month,
        months.is_complete,
        tiers.tier,
        tiers.tier_rank,
        {%- for column in move_columns %}
        moves.{{ column }},
        {%- endfor %}
        coalesce(spend.net_revenue, 0) as net_revenue,
        coalesce(moves.net_change, 0) as net_change,
        coalesce(sum(moves.net_change) over so_far, 0) as holders_at_end,
        -- who stops in the month was there at its start
        coalesce(sum(activity.starts - activity.stops) over so_far, 0)
        + coalesce(activity.stops, 0) as active_holders,
        coalesce(activity.lost_holders, 0) as lost_holders

    from tiers
    inner join months
        on months.month_number >= (select min(changes.first_month_number) from changes)
    left join moves
        on months.month_number = moves.month_number and tiers.tier_rank = moves.tier_rank
    left join spend
        on months.month_number = spend.month_number and tiers.tier_rank = spend.tier_rank
    left join activity
        on months.month_number = activity.month_number and tiers.tier_rank = activity.tier_rank
    window so_far as (
        partition by tiers.tier_rank
        order by months.month_number
        rows between unbounded preceding and current row
    )

)

select
    month,
    tier,
    cast(tier_rank as bigint) as tier_rank,
    cast(holders_at_end - net_change as bigint) as holders_at_start,
    {%- for column in move_columns %}
    cast(coalesce({{ column }}, 0) as bigint) as {{ column }},
    {%- endfor %}
    cast(holders_at_end as bigint) as holders_at_end,
    cast(active_holders as bigint) as active_holders,
    cast(active_holders - lost_holders as bigint) as retained_holders,
    {{ safe_divide('active_holders - lost_holders', 'active_holders') }} as retention_rate,
    {{ wilson_low('active_holders - lost_holders', 'active_holders') }} as retention_ci_low,
    {{ wilson_high('active_holders - lost_holders', 'active_holders') }} as retention_ci_high,
    cast(net_revenue as decimal(18, 2)) as net_revenue,
    {{ round_to_cent(safe_divide('net_revenue', 'holders_at_end')) }} as spend_per_holder,
    is_complete,
    coalesce(
        month < (
            select {{ dbt.dateadd('month', 12, 'min(activity_date)') }}
            from {{ ref('int_orders_aggregated_to_customer_days') }}
        ),
        false
    ) as is_left_truncated

from with_holders
