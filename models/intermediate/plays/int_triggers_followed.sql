with

as_of as (

    select * from {{ ref('int_as_of') }}

),

triggers as (

    select
        triggers.*,
        plays.basis,
        plays.goal,
        plays.ends_on,
        plays.needs_consent,
        cast({{ dbt.dateadd('day', 'plays.window_days', 'triggers.triggered_on') }} as date)
            as window_ends_on

    from {{ ref('int_triggers_assessed') }} as triggers
    inner join {{ ref('plays') }} as plays
        on triggers.priority = plays.priority

),

-- What the customer had bought before that day, and buys within the window.
purchases as (

    select
        triggers.trigger_number,
        cast(sum(
            case
                when days.is_purchase_day and days.activity_date < triggers.triggered_on then 1
                else 0
            end
        ) as integer) as purchases_before,
        max(
            case
                when days.is_purchase_day and days.activity_date < triggers.triggered_on
                    then days.activity_date
            end
        ) as last_purchase_before_on,
        cast(sum(
            case
                when days.activity_date < triggers.triggered_on then days.purchase_revenue
                else 0
            end
        ) as decimal(18, 2)) as revenue_before,
        min(
            case
                when days.is_purchase_day and days.activity_date >= triggers.triggered_on
                    then days.activity_date
            end
        ) as next_purchase_on,
        cast(sum(
            case
                when days.activity_date >= triggers.triggered_on then days.purchase_revenue
                else 0
            end
        ) as decimal(18, 2)) as purchase_revenue

    from triggers
    inner join {{ ref('int_customer_days_sequenced') }} as days
        on
            triggers.customer_id = days.customer_id
            and triggers.window_ends_on > days.activity_date
    group by triggers.trigger_number

),

-- The first morning on which the customer may no longer be written to.
blocks as (

    select
        triggers.trigger_number,
        blocks.blocked_from,
        case when blocks.reason = 'not_consented' then 'opted_out' else blocks.reason end as reason,
        row_number() over (
            partition by triggers.trigger_number order by blocks.blocked_from, blocks.reason
        ) as block_number

    from triggers
    inner join {{ ref('int_contact_blocks_dated') }} as blocks
        on
            triggers.customer_id = blocks.customer_id
            and triggers.triggered_on < blocks.blocked_from
            and (triggers.needs_consent or blocks.reason <> 'not_consented')
    cross join as_of
    where blocks.blocked_from <= as_of.as_of

),

with_goal as (

    select
        triggers.*,
        coalesce(purchases.purchases_before, 0) as purchases_before,
        purchases.last_purchase_before_on,
        coalesce(purchases.revenue_before, 0) as revenue_before,
        coalesce(purchases.purchase_revenue, 0) as purchase_revenue,
        coalesce(goals.has_subscribed_before, false) as has_subscribed_before,
        blocks.blocked_from,
        blocks.reason as blocked_because,
        case when triggers.goal = 'order' then purchases.next_purchase_on else goals.goal_on end
            as goal_on

    from triggers
    left join purchases
        on triggers.trigger_number = purchases.trigger_number
    left join {{ ref('int_trigger_goals_reached') }} as goals
        on triggers.trigger_number = goals.trigger_number
    left join blocks
        on
            triggers.trigger_number = blocks.trigger_number
            and blocks.block_number = 1

),

-- What happens from as_of on is not known yet.
converted as (

    select
        with_goal.*,
        case
            when with_goal.goal_on < least(with_goal.window_ends_on, as_of.as_of)
                then with_goal.goal_on
        end as converted_on

    from with_goal
    cross join as_of
    where
        with_goal.basis = 'any'
        or (with_goal.basis = 'orders' and with_goal.purchases_before > 0)
        or (with_goal.basis = 'subscriptions' and with_goal.has_subscribed_before)

),

-- The night after the day of the goal knows of it.
with_end as (

    select
        *,
        least(
            window_ends_on,
            cast({{ dbt.dateadd('day', 1, 'converted_on') }} as date),
            blocked_from,
            ends_on
        ) as leaves_on

    from converted

)

select
    trigger_number,
    customer_number,
    customer_id,
    priority,
    purchases_before,
    revenue_before,
    purchase_revenue,
    triggered_on,
    last_purchase_before_on,
    window_ends_on,
    converted_on,
    leaves_on,
    case
        when leaves_on > converted_on then 'converted'
        when leaves_on = blocked_from then blocked_because
        when leaves_on = ends_on then 'play_ended'
        else 'window_over'
    end as leaves_because

from with_end
