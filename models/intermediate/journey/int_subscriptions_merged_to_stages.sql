{%- set states = [
    'known', 'in_spell', 'returned', 'paying', 'set_to_end', 'past_due', 'trial', 'paused',
    'churned', 'lost',
] -%}

with

as_of as (

    select * from {{ ref('int_as_of') }}

),

states as (

    select * from {{ ref('int_subscriptions_divided_into_states') }}

),

spells as (

    select * from {{ ref('int_subscriptions_merged_to_spells') }}

),

changes as (

    select
        customer_id,
        state,
        began_on as changed_on,
        1 as change
    from states

    union all

    select
        customer_id,
        state,
        ended_on as changed_on,
        -1 as change
    from states
    where ended_on is not null

),

changes_by_day as (

    select
        changes.customer_id,
        {%- for state in states %}
        sum(case when changes.state = '{{ state }}' then changes.change else 0 end) as {{ state }},
        {%- endfor %}
        changes.changed_on

    from changes
    cross join as_of
    where changes.changed_on < as_of.as_of
    group by changes.customer_id, changes.changed_on

),

-- How many items and spells of the customer are in each state from that day on.
with_counts as (

    select
        customer_id,
        {%- for state in states %}
        sum({{ state }}) over a_customer as {{ state }},
        {%- endfor %}
        changed_on

    from changes_by_day
    window a_customer as (
        partition by customer_id
        order by changed_on
        rows between unbounded preceding and current row
    )

),

-- Of several items that pay, the best one gives the stage. In a gap that does not end a spell no item
-- pays, and its customer is a subscriber.
with_stages as (

    select
        customer_id,
        changed_on as entered_on,
        case
            when paying = 0 and set_to_end > 0 then 'set_to_end'
            when paying = 0 and past_due > 0 then 'past_due'
            when returned > 0 then 'returned'
            when in_spell > 0 then 'subscriber'
            when trial > 0 then 'trial'
            when paused > 0 then 'paused'
            when churned > 0 then 'churned'
            when lost > 0 then 'lost'
            else 'prospect'
        end as stage

    from with_counts

),

with_previous_stages as (

    select
        *,
        lag(stage) over (partition by customer_id order by entered_on) as previous_stage

    from with_stages

),

entries as (

    select
        *,
        lead(entered_on) over (partition by customer_id order by entered_on) as left_on

    from with_previous_stages
    where previous_stage is null or stage <> previous_stage

)

select
    entries.customer_id,
    entries.stage,
    entries.previous_stage,
    case
        when entries.stage = 'trial' then 'trial began'
        when entries.stage = 'set_to_end' then 'end announced'
        when entries.stage = 'past_due' then 'payment overdue'
        when entries.stage = 'paused' then 'paused or unpaid'
        when
            entries.previous_stage = 'trial' and entries.stage not in ('subscriber', 'returned')
            then 'trial ended without payment'
        when entries.stage = 'prospect' then 'subscription without payment'
        when entries.stage in ('churned', 'lost') and entries.previous_stage = 'paused'
            then 'ended in a pause'
        when entries.stage = 'churned' then 'ended: ' || spells.end_reason
        when entries.stage = 'lost' then '{{ var("lost_days") }} days after the end'
        when entries.previous_stage = 'set_to_end' then 'end taken back or replaced'
        when entries.previous_stage = 'past_due' then 'paid again'
        when entries.previous_stage = 'returned'
            then '{{ var("new_customer_days") }} days after the return'
        when entries.previous_stage = 'paused' then 'payment after a pause'
        when entries.stage = 'returned' then 'payment after an end'
        else 'first payment'
    end as reason,
    entries.entered_on,
    entries.left_on

from entries
left join spells
    on
        entries.customer_id = spells.customer_id
        and entries.entered_on = spells.ended_on
