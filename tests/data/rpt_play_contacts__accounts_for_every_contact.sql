with

reported as (

    select
        coalesce(sum(due), 0) as due,
        coalesce(sum(sent + sent_again + sent_to_holdout + sent_without_being_due), 0) as contacts,
        coalesce(sum(contact_cost), 0) as contact_cost,
        coalesce(
            sum(
                case
                    when
                        sent + not_sent > due
                        or sent_late > sent
                        or is_complete <> ({{ dbt.dateadd('month', 1, 'month') }} <= as_of.as_of)
                        then 1
                    else 0
                end
            ), 0
        ) as impossible_rows

    from {{ ref('rpt_play_contacts') }}
    cross join {{ ref('int_as_of') }} as as_of

),

enrolled as (

    select coalesce(sum(contacts_due), 0) as due
    from {{ ref('fct_play_enrollments') }}

),

assessed as (

    select
        count(*) as contacts,
        coalesce(sum(cost), 0) as contact_cost
    from {{ ref('int_contacts_assessed') }}
    where is_counted

)

select
    reported.*,
    enrolled.due as due_of_enrolments,
    assessed.contacts as counted_contacts,
    assessed.contact_cost as counted_cost

from reported
cross join enrolled
cross join assessed
where
    reported.due <> enrolled.due
    or reported.contacts <> assessed.contacts
    or reported.contact_cost <> assessed.contact_cost
    or reported.impossible_rows > 0
