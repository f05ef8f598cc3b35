with

as_of as (

    select * from {{ ref('int_as_of') }}

),

triggers as (

    select
        triggers.*,
        plays.basis,
        plays.goal,
        plays.goal_milestone,
        plays.ends_on,
        plays.needs_consent,
        cast({{ dbt.dateadd('day', 'plays.window_days', 'triggers.triggered_on') }} as date)
            as window_ends_on

    from {{ ref('int_triggers_assessed') }} as triggers
    inner join {{ ref('plays') }} as plays
        on triggers.priority = plays.priority

),

spells as (

    select * from {{ ref('int_subscriptions_merged_to_spells') }}

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

subscriptions as (

    select
        triggers.trigger_number,
        max(case when spells.started_on < triggers.triggered_on then 1 else 0 end) = 1
            as has_subscribed_before,
        min(case when spells.started_on >= triggers.triggered_on then spells.started_on end)
            as next_spell_on,
        max(
            case
                when
                    spells.started_on <= triggers.renewed_on
                    and (spells.ended_on is null or spells.ended_on > triggers.renewed_on)
                    then triggers.renewed_on
            end
        ) as renewed_on

    from triggers
    inner join spells
        on
            triggers.customer_id = spells.customer_id
            and triggers.window_ends_on > spells.started_on
    group by triggers.trigger_number

),

answers as (

    select
        triggers.trigger_number,
        min(answers.reached_on) as reached_on

    from triggers
    inner join (
        select
            customer_id,
            cast(null as varchar) as milestone,
            given_on as reached_on
        from {{ ref('int_feedback_assessed') }}
        where is_counted and kind <> 'complaint'

        union all

        select
            customer_id,
            milestone,
            reached_on
        from {{ ref('int_milestones_assessed') }}
        where is_counted
    ) as answers
        on
            triggers.customer_id = answers.customer_id
            and triggers.goal_milestone is not distinct from answers.milestone
            and triggers.triggered_on <= answers.reached_on
    where triggers.goal in ('feedback', 'milestone')
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
        coalesce(subscriptions.has_subscribed_before, false) as has_subscribed_before,
        blocks.blocked_from,
        blocks.reason as blocked_because,
        case triggers.goal
            when 'order' then purchases.next_purchase_on
            when 'subscription' then subscriptions.next_spell_on
            when 'renewal' then subscriptions.renewed_on
            else answers.reached_on
        end as goal_on

    from triggers
    left join purchases
        on triggers.trigger_number = purchases.trigger_number
    left join subscriptions
        on triggers.trigger_number = subscriptions.trigger_number
    left join answers
        on triggers.trigger_number = answers.trigger_number
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
