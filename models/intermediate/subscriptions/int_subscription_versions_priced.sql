{%- set whole_days = var('switch_gap_hours') | int // 24 -%}
{%- set of_a_customer = 'customer_id, ' if var('merges_apply') == 'from_the_merge_on' -%}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

terms as (

    select * from {{ ref('int_subscription_terms_priced') }}

),

-- A trial that turns into a state that does not pay has not paid, even if told up to a day later.
with_trial_over as (

    select
        *,
        coalesce(in_force_from < in_force_to, true) as is_in_force,
        (
            set_aside_reason is null and status not in ('paused', 'unpaid', 'incomplete')
            and mrr > 0 and (status <> 'past_due' or {{ var('past_due_pays') }})
        ) as can_pay,
        case
            when
                (status = 'trialing' or trial_ends_at > valid_from)
                and next_status in ('past_due', 'unpaid', 'incomplete', 'paused')
                and in_force_to <= {{ dbt.dateadd('day', 1, 'trial_ends_at') }}
                then null
            when status <> 'trialing'
                then greatest(in_force_from, coalesce(trial_ends_at, in_force_from))
            when trial_ends_at is not null then greatest(in_force_from, trial_ends_at)
        end as trial_over_at

    from terms

),

-- From when a version pays as long as nothing was paid before it.
with_first_payment as (

    select
        *,
        case
            when can_pay and coalesce(trial_over_at < in_force_to, in_force_to is null)
                then trial_over_at
        end as may_pay_from

    from with_trial_over

),

-- A trial is known when a row was told in it. A row told later does not say what came between.
firsts_of_items as (

    select
        subscription_id,
        item_id,
        min(
            case
                when is_in_force and coalesce(trial_ends_at > valid_from, status = 'trialing')
                    then in_force_from
            end
        ) as trial_from,
        min(case when status <> 'past_due' then may_pay_from end) as paid_from,
        min(case when status = 'past_due' then may_pay_from end) as past_due_from

    from with_first_payment
    where set_aside_reason is null
    group by subscription_id, item_id

),

-- What is past due after a trial has never paid. Without a trial, past due is the state of an item
-- that had paid before anything was told of it.
first_payments_of_items as (

    select
        subscription_id,
        item_id,
        trial_from,
        least(
            paid_from, case when coalesce(past_due_from < trial_from, true) then past_due_from end
        ) as paid_from

    from firsts_of_items

),

first_payments as (

    select
        subscription_id,
        min(paid_from) as paid_from

    from first_payments_of_items
    group by subscription_id

),

-- An item that has paid pays on in a free month.
with_pays as (

    select
        versions.*,
        coalesce(first_payments.paid_from <= versions.in_force_from, false) as is_of_payer,
        case
            when items.paid_from <= versions.in_force_from then versions.in_force_from
            else coalesce(versions.trial_over_at, versions.in_force_from)
        end as pays_from,
        case
            when items.paid_from <= versions.in_force_from
                then versions.can_pay and versions.is_in_force
            when versions.status = 'past_due' and items.trial_from <= versions.in_force_from
                then false
            else versions.may_pay_from is not null
        end as pays

    from with_first_payment as versions
    left join first_payments_of_items as items
        on
            versions.subscription_id = items.subscription_id
            and versions.item_id = items.item_id
    left join first_payments
        on versions.subscription_id = first_payments.subscription_id

),

paying_in_sequence as (

    select
        customer_id,
        pays_from,
        in_force_to,
        is_ended,
        lag(in_force_to) over (
            partition by {{ of_a_customer }}subscription_id, item_id order by pays_from
        ) as paid_before_until

    from with_pays
    where pays

),

-- An end up to switch_gap_hours before the next payment, or at it, is none. A day has 24 hours.
switches as (

    select
        ended.customer_id,
        ended.in_force_to as ended_at,
        min(started.pays_from) as switched_at

    from paying_in_sequence as ended
    inner join paying_in_sequence as started
        on
            ended.customer_id = started.customer_id
            and ended.in_force_to <= started.pays_from
            and started.pays_from <= greatest(
                {{ dbt.dateadd('hour', var('switch_gap_hours'), 'ended.in_force_to') }},
                case
                    when ended.in_force_to = {{ local_midnight(local_date('ended.in_force_to')) }}
                        then {{ local_midnight(
                            dbt.dateadd('day', whole_days, local_date('ended.in_force_to'))
                        ) }}
                end
            )
    where ended.is_ended and coalesce(started.paid_before_until <> started.pays_from, true)
    group by ended.customer_id, ended.in_force_to

)

select
    with_pays.subscription_id,
    with_pays.item_id,
    with_pays.customer_id,
    with_pays.plan_id,
    with_pays.status,
    with_pays.billing_interval,
    with_pays.interval_unit,
    with_pays.cancel_reason,
    with_pays.set_aside_reason,
    with_pays.not_counted_reason,
    with_pays.interval_count,
    with_pays.quantity,
    with_pays.mrr,
    with_pays.is_cancel_requested,
    (
        with_pays.not_counted_reason is null
        and with_pays.is_in_force
        and with_pays.in_force_from < as_of.as_of_at
        and not with_pays.is_of_payer
        and coalesce(
            with_pays.trial_ends_at > with_pays.in_force_from, with_pays.status = 'trialing'
        )
    ) as is_trial,
    with_pays.pays and with_pays.not_counted_reason is null and with_pays.pays_from < as_of.as_of_at
        as is_paying,
    with_pays.valid_from,
    with_pays.in_force_from,
    with_pays.in_force_to,
    with_pays.pays_from,
    case
        when with_pays.pays and with_pays.is_ended
            then coalesce(switches.switched_at, with_pays.in_force_to)
        else with_pays.in_force_to
    end as pays_to,
    with_pays.trial_ends_at,
    with_pays.period_ends_at,
    with_pays.set_to_end_at,
    with_pays.ends_at

from with_pays
cross join as_of
left join switches
    on
        with_pays.customer_id = switches.customer_id
        and with_pays.in_force_to = switches.ended_at
