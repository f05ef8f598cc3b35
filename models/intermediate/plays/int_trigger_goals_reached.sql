with

triggers as (

    select
        triggers.*,
        plays.goal,
        plays.goal_milestone,
        cast({{ dbt.dateadd('day', 'plays.window_days', 'triggers.triggered_on') }} as date)
            as window_ends_on

    from {{ ref('int_triggers_assessed') }} as triggers
    inner join {{ ref('plays') }} as plays
        on triggers.priority = plays.priority

),

spells as (

    select * from {{ ref('int_subscriptions_merged_to_spells') }}

),

subscriptions as (

    select
        triggers.trigger_number,
        max(case when spells.started_on < triggers.triggered_on then 1 else 0 end) = 1
            as has_subscribed_before,
        min(
            case
                when triggers.goal = 'subscription' and spells.started_on >= triggers.triggered_on
                    then spells.started_on
                when
                    triggers.goal = 'renewal'
                    and spells.started_on <= triggers.renewed_on
                    and (spells.ended_on is null or spells.ended_on > triggers.renewed_on)
                    then triggers.renewed_on
            end
        ) as goal_on

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
        false as has_subscribed_before,
        min(answers.reached_on) as goal_on

    from triggers
    inner join (
        select
            customer_id,
            cast(null as {{ dbt.type_string() }}) as milestone,
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

goals as (

    select * from subscriptions

    union all

    select * from answers

)

select
    trigger_number,
    max(case when has_subscribed_before then 1 else 0 end) = 1 as has_subscribed_before,
    min(goal_on) as goal_on

from goals
group by trigger_number
