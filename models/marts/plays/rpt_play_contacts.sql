with

as_of as (

    select * from {{ ref('int_as_of') }}

),

play_steps as (

    select
        plays.priority,
        play_steps.play_id,
        play_steps.step_number,
        play_steps.step

    from {{ ref('play_steps') }} as play_steps
    inner join {{ ref('plays') }} as plays
        on play_steps.play_id = plays.play_id

),

contacts as (

    select * from {{ ref('int_contacts_matched') }}

),

sent_steps as (

    select * from contacts
    where outcome = 'sent'

),

-- A due step counts in the month of its due day, also when it was sent in the next one.
step_counts as (

    select
        play_steps.play_id,
        play_steps.step,
        cast({{ dbt.date_trunc('month', 'due_steps.due_on') }} as date) as month,
        sum(case when due_steps.outcome = 'due' then 1 else 0 end) as due,
        sum(
            case
                when due_steps.outcome = 'due' and due_steps.due_on > due_steps.planned_on then 1
                else 0
            end
        ) as due_later_by_cap,
        sum(case when due_steps.outcome = 'left_before' then 1 else 0 end) as left_before_due,
        sum(case when sent_steps.contact_id is not null then 1 else 0 end) as sent,
        sum(case when sent_steps.is_late then 1 else 0 end) as sent_late,
        sum(
            case
                when
                    due_steps.outcome = 'due'
                    and sent_steps.contact_id is null
                    and {{ dbt.datediff('due_steps.due_on', 'as_of.as_of', 'day') }} > 1
                    then 1
                else 0
            end
        ) as not_sent,
        0 as sent_again,
        0 as sent_to_holdout,
        0 as sent_without_being_due,
        sum(coalesce(sent_steps.cost, 0)) as contact_cost

    from {{ ref('int_play_steps_scheduled') }} as due_steps
    cross join as_of
    inner join play_steps
        on
            due_steps.priority = play_steps.priority
            and due_steps.step_number = play_steps.step_number
    left join sent_steps
        on
            due_steps.enrollment_number = sent_steps.enrollment_number
            and due_steps.step_number = sent_steps.step_number
    where due_steps.outcome <> 'to_come'
    group by
        play_steps.play_id,
        play_steps.step,
        cast({{ dbt.date_trunc('month', 'due_steps.due_on') }} as date)

),

-- Contacts that no due step asked for count in the month in which they were sent.
other_counts as (

    select
        play_id,
        coalesce(step, '(none)') as step,
        cast({{ dbt.date_trunc('month', 'sent_on') }} as date) as month,
        0 as due,
        0 as due_later_by_cap,
        0 as left_before_due,
        0 as sent,
        0 as sent_late,
        0 as not_sent,
        sum(case when outcome = 'sent_again' then 1 else 0 end) as sent_again,
        sum(case when outcome = 'to_holdout' then 1 else 0 end) as sent_to_holdout,
        sum(case when outcome = 'not_due' then 1 else 0 end) as sent_without_being_due,
        sum(cost) as contact_cost

    from contacts
    where outcome <> 'sent'
    group by
        play_id,
        coalesce(step, '(none)'),
        cast({{ dbt.date_trunc('month', 'sent_on') }} as date)

),

-- A shop that says of no contact that it was sent does not say that one was not sent.
what_is_told as (

    select count(*) > 0 as contacts_are_told
    from {{ ref('int_contacts_assessed') }}
    where is_counted

),

counts as (

    select * from step_counts

    union all

    select * from other_counts

)

select
    counts.play_id,
    counts.step,
    counts.month,
    {%- for count in [
        'due', 'due_later_by_cap', 'left_before_due', 'sent', 'sent_late', 'not_sent',
        'sent_again', 'sent_to_holdout', 'sent_without_being_due',
    ] %}
    {%- if count == 'not_sent' %}
    cast(
        sum(case when what_is_told.contacts_are_told then counts.not_sent end) as bigint
    ) as not_sent,
    {%- else %}
    cast(sum(counts.{{ count }}) as bigint) as {{ count }},
    {%- endif %}
    {%- endfor %}
    cast(sum(counts.contact_cost) as decimal(18, 2)) as contact_cost,
    max({{ dbt.dateadd('month', 1, 'counts.month') }}) <= max(as_of.as_of) as is_complete

from counts
cross join as_of
cross join what_is_told
group by counts.play_id, counts.step, counts.month
