with

as_of as (

    select * from {{ ref('int_as_of') }}

),

versions as (

    select * from {{ ref('int_subscription_versions_bounded') }}

),

with_recurring_amount as (

    select
        *,
        original_amount * quantity
        {%- if var('recurring_discount_counts') %}
        - original_discount_amount
        {%- endif %} as recurring_amount

    from versions

),

-- Decision 0009: "Exchange rates never make a movement." A version whose terms the subscription had
-- before keeps the rate of the day on which the terms began.
with_rate_of_terms as (

    select
        *,
        first_value(exchange_rate) over (
            partition by
                subscription_id,
                set_aside_reason,
                original_currency,
                recurring_amount,
                interval_unit,
                interval_count
            order by valid_from
        ) as rate_of_terms

    from with_recurring_amount

),

priced as (

    select
        *,
        {{ monthly_amount(
            'recurring_amount', 'interval_unit', 'interval_count', 'rate_of_terms'
        ) }} as mrr,
        greatest(in_force_from, coalesce(trial_ends_at, in_force_from)) as pays_from,
        in_force_to as pays_to

    from with_rate_of_terms

)

select
    priced.subscription_id,
    priced.customer_id,
    priced.plan_id,
    priced.status,
    case
        when priced.interval_count = 1 then priced.interval_unit
        else
            cast(priced.interval_count as {{ dbt.type_string() }})
            || ' ' || priced.interval_unit || 's'
    end as billing_interval,
    priced.interval_unit,
    priced.cancel_reason,
    priced.set_aside_reason,
    priced.not_counted_reason,
    priced.interval_count,
    priced.quantity,
    priced.mrr,
    (
        priced.not_counted_reason is null
        and (priced.in_force_to is null or priced.in_force_from < priced.in_force_to)
        and coalesce(priced.trial_ends_at > priced.in_force_from, priced.status = 'trialing')
    ) as is_trial,
    (
        priced.not_counted_reason is null
        and priced.mrr > 0
        and priced.pays_from < as_of.as_of_at
        and (priced.pays_to is null or priced.pays_from < priced.pays_to)
        and priced.status not in ('paused', 'unpaid', 'incomplete')
        and (priced.status <> 'past_due' or {{ var('past_due_pays') }})
        and not (priced.status = 'trialing' and priced.trial_ends_at is null)
    ) as is_paying,
    priced.valid_from,
    priced.in_force_from,
    priced.in_force_to,
    priced.pays_from,
    priced.pays_to,
    priced.trial_ends_at,
    priced.set_to_end_at,
    priced.ends_at

from priced
cross join as_of
