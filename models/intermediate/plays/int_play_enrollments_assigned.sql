with

followed as (

    select * from {{ ref('int_triggers_followed') }}

),

enrolled as (

    select * from {{ ref('int_triggers_enrolled') }}

),

plays as (

    select * from {{ ref('plays') }}

),

-- The arm comes from customer, play and salt alone: the same in every build and on every engine.
joined as (

    select
        followed.*,
        plays.play_id,
        plays.goal,
        case
            when
                {{ share_of_text(
                    "followed.customer_id || '|' || plays.play_id || '|" ~ var('play_salt') ~ "'"
                ) }} < plays.holdout_share
                then 'holdout'
            else 'treatment'
        end as arm,
        case
            when enrolled.is_outranked then 'higher_priority' else followed.leaves_because
        end as left_because,
        cast(
            {{ dbt.dateadd('day', 'cast(enrolled.left_day as integer)', "date '1970-01-01'") }}
            as date
        ) as left_on

    from enrolled
    inner join followed
        on enrolled.trigger_number = followed.trigger_number
    inner join plays
        on followed.priority = plays.priority

)

select
    trigger_number as enrollment_number,
    customer_number,
    customer_id,
    play_id,
    priority,
    arm,
    goal,
    left_because,
    purchases_before,
    revenue_before,
    purchase_revenue,
    last_purchase_before_on,
    triggered_on as enrolled_on,
    window_ends_on,
    left_on,
    converted_on

from joined
