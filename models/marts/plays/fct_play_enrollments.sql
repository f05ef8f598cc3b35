with

as_of as (

    select * from {{ ref('int_as_of') }}

),

enrollments as (

    select * from {{ ref('int_play_enrollments_assigned') }}

),

subscription_versions as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where is_paying

),

contacts as (

    select * from {{ ref('int_contacts_matched') }}

),

-- The days on which each version is paid within the window, up to as_of.
paid_days as (

    select
        enrollments.enrollment_number,
        versions.mrr,
        {{ dbt.datediff(
            'greatest(enrollments.enrolled_on, ' ~ local_date('versions.pays_from') ~ ')',
            'least(enrollments.window_ends_on, as_of.as_of, '
            ~ local_date('versions.pays_to') ~ ')',
            'day'
        ) }} as days

    from enrollments
    cross join as_of
    inner join subscription_versions as versions
        on
            enrollments.customer_id = versions.customer_id
            and enrollments.window_ends_on > {{ local_date('versions.pays_from') }}
            and coalesce(enrollments.enrolled_on < {{ local_date('versions.pays_to') }}, true)

),

-- A day is worth its part of the year's recurring revenue: 365 days are 12 months.
recurring_revenues as (

    select
        enrollment_number,
        {{ round_to_cent('sum(mrr * days) * 12e0 / 365') }} as recurring_revenue

    from paid_days
    group by enrollment_number

),

steps as (

    select
        plays.priority,
        play_steps.step_number,
        case
            when play_steps.step = 'reward' then {{ var('referral_reward') }}
            else play_steps.offer_cost
        end as offer_cost,
        play_steps.offer is not null as is_offer

    from {{ ref('play_steps') }} as play_steps
    inner join {{ ref('plays') }} as plays
        on play_steps.play_id = plays.play_id

),

-- The offer that a customer redeems by converting is the latest one that was sent until then.
contact_totals as (

    select
        contacts.enrollment_number,
        count(*) as contacts_sent,
        sum(contacts.cost) as contact_cost,
        max(
            case
                when steps.is_offer and contacts.sent_on <= enrollments.converted_on
                    then steps.step_number
            end
        ) as redeemed_step_number

    from contacts
    inner join enrollments
        on contacts.enrollment_number = enrollments.enrollment_number
    left join steps
        on
            enrollments.priority = steps.priority
            and contacts.step_number = steps.step_number
    where contacts.is_in_window
    group by contacts.enrollment_number

),

step_totals as (

    select
        enrollment_number,
        count(*) as contacts_due

    from {{ ref('int_play_steps_scheduled') }}
    where outcome = 'due'
    group by enrollment_number

),

joined as (

    select
        enrollments.*,
        as_of.as_of,
        row_number() over (
            partition by enrollments.customer_number, enrollments.priority
            order by enrollments.enrolled_on
        ) = 1 as is_first,
        enrollments.purchase_revenue as purchase_revenue_in_window,
        coalesce(recurring_revenues.recurring_revenue, 0) as recurring_revenue_in_window,
        coalesce(contact_totals.contact_cost, 0) as contact_cost,
        coalesce(contact_totals.contacts_sent, 0) as contacts_sent,
        coalesce(step_totals.contacts_due, 0) as contacts_due,
        coalesce(redeemed.offer_cost, 0) as offer_cost

    from enrollments
    cross join as_of
    left join recurring_revenues
        on enrollments.enrollment_number = recurring_revenues.enrollment_number
    left join contact_totals
        on enrollments.enrollment_number = contact_totals.enrollment_number
    left join step_totals
        on enrollments.enrollment_number = step_totals.enrollment_number
    left join steps as redeemed
        on
            enrollments.priority = redeemed.priority
            and contact_totals.redeemed_step_number = redeemed.step_number

)

select
    customer_id,
    play_id,
    arm,
    goal,
    is_first,
    case when left_on <= as_of then left_because end as left_because,
    cast(purchases_before as bigint) as purchases_before,
    cast(revenue_before as decimal(18, 2)) as revenue_before,
    cast(
        {{ dbt.datediff('last_purchase_before_on', 'enrolled_on', 'day') }} as bigint
    ) as days_since_last_purchase,
    converted_on is not null as is_converted,
    window_ends_on <= as_of as is_window_complete,
    cast(purchase_revenue_in_window as decimal(18, 2)) as purchase_revenue_in_window,
    cast(recurring_revenue_in_window as decimal(18, 2)) as recurring_revenue_in_window,
    cast(
        purchase_revenue_in_window + recurring_revenue_in_window as decimal(18, 2)
    ) as revenue_in_window,
    cast(
        (purchase_revenue_in_window + recurring_revenue_in_window) * {{ var('gross_margin') }}
        as decimal(18, 2)
    ) as margin_in_window,
    cast(contacts_due as bigint) as contacts_due,
    cast(contacts_sent as bigint) as contacts_sent,
    cast(contact_cost as decimal(18, 2)) as contact_cost,
    cast(offer_cost as decimal(18, 2)) as offer_cost,
    {{ local_midnight('enrolled_on') }} as enrolled_at,
    enrolled_on,
    window_ends_on,
    {{ local_midnight('case when left_on <= as_of then left_on end') }} as left_at,
    case when left_on <= as_of then left_on end as left_on,
    {{ local_midnight('converted_on') }} as converted_at,
    converted_on

from joined
