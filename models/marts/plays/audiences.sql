with

as_of as (

    select * from {{ ref('int_as_of') }}

),

due_steps as (

    select * from {{ ref('int_play_steps_scheduled') }}
    where outcome = 'due'

),

running_spells as (

    select * from {{ ref('int_spells_measured') }}
    where not is_ended

),

survival as (

    select
        duration,
        survival
    from {{ ref('rpt_subscription_survival') }}
    where segment_name = 'all' and time_unit = 'day'

),

-- The step is due on the day that begins with as_of: the day on which this audience is read. After
-- days without any event, also what was due on these days, for no night has listed it.
due_now as (

    select
        enrollments.play_id,
        enrollments.customer_id,
        enrollments.goal,
        enrollments.enrolled_on,
        steps.step_number,
        steps.step,
        steps.channel,
        steps.offer,
        due_steps.planned_on,
        due_steps.due_on

    from due_steps
    inner join as_of
        on
            due_steps.due_on > as_of.previous_as_of
            and due_steps.due_on <= as_of.as_of
    inner join {{ ref('int_play_enrollments_assigned') }} as enrollments
        on
            due_steps.enrollment_number = enrollments.enrollment_number
            and as_of.as_of < enrollments.left_on
    inner join {{ ref('play_steps') }} as steps
        on
            enrollments.play_id = steps.play_id
            and due_steps.step_number = steps.step_number

),

-- Of the subscribers who stayed as long as this one, the share that left before the end of the
-- contract was over. Months, quarters and years differ by up to three days, and so do their ends.
leaving as (

    select
        running_spells.customer_id,
        plays.play_id,
        1 - {{ safe_divide('at_the_end.survival', 'today.survival') }} as share_lost

    from running_spells
    inner join survival as today
        on running_spells.days_lasted = today.duration
    cross join {{ ref('int_plays_started') }} as plays
    inner join survival as at_the_end
        on running_spells.days_lasted + plays.days + 3 = at_the_end.duration
    where plays.trigger = 'renewal_due'

),

-- What could be lost in a month by those whose contract ends; for all others, what is still to come.
valued as (

    select
        due_now.*,
        customer_values.p_alive,
        customer_values.predicted_clv,
        customers.current_mrr,
        case
            when due_now.goal = 'renewal'
                then {{ round_to_cent('customers.current_mrr * leaving.share_lost') }}
            else customer_values.predicted_clv
        end as expected_worth

    from due_now
    left join {{ ref('dim_customers') }} as customers
        on due_now.customer_id = customers.customer_id
    left join {{ ref('fct_customer_value') }} as customer_values
        on due_now.customer_id = customer_values.customer_id
    left join leaving
        on
            due_now.customer_id = leaving.customer_id
            and due_now.play_id = leaving.play_id

)

select
    play_id,
    customer_id,
    step,
    channel,
    offer,
    cast(
        row_number() over (
            partition by play_id
            order by expected_worth desc nulls last, p_alive desc nulls last, customer_id asc
        ) as bigint
    ) as rank_in_play,
    expected_worth,
    p_alive,
    predicted_clv,
    current_mrr,
    {{ local_midnight('enrolled_on') }} as enrolled_at,
    planned_on,
    due_on

from valued
