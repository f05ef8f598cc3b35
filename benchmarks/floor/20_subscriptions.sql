-- Versions in force, spells, and the MRR of each customer at month ends.

create temp table sequenced as
select
    ids.c,
    raw_versions.* exclude (customer_id, discount_amount),
    effective_at as valid_from,
    amount * quantity - coalesce(discount_amount, 0) as recurring_amount,
    case raw_versions.currency when 'USD' then 1 else rates.exchange_rate end::decimal(18, 8)
        as exchange_rate,
    row_number() over w as version_number,
    lead(effective_at) over w as next_version_from,
    coalesce(
        ended_at,
        case when status in ('canceled', 'expired') then coalesce(current_period_ends_at, effective_at) end
    ) as ends_at
from raw_versions
inner join ids using (customer_id)
left join rates on raw_versions.currency = rates.currency and raw_versions.effective_at::date = rates.day
window w as (partition by subscription_id order by effective_at);

create temp table versions as
with bounded as (
    select
        *,
        case when version_number = 1 then started_at else greatest(valid_from, started_at) end
            as in_force_from,
        least(ends_at, next_version_from) as in_force_to,
        cents(
            recurring_amount
            * first_value(exchange_rate) over (
                partition by subscription_id, currency, recurring_amount, billing_interval
                order by valid_from
            )
            * case billing_interval when 'day' then 365 when 'week' then 52 when 'year' then 1 else 12 end
            / 12.0
        ) as mrr,
        lead(status) over w as next_status,
        lead(cancel_reason) over w as next_reason,
        lead(ends_at) over w as next_ends_at
    from sequenced
    window w as (partition by subscription_id order by valid_from)
),
tried as (
    select
        *,
        greatest(in_force_from, trial_ends_at) as pays_from,
        mrr > 0
        and (in_force_to is null or greatest(in_force_from, trial_ends_at) < in_force_to)
        and status not in ('paused', 'unpaid', 'incomplete')
        and not (status = 'trialing' and trial_ends_at is null)
        and not coalesce(
            status = 'trialing' and next_status = 'past_due'
            and in_force_to <= trial_ends_at + interval 1 day,
            false
        ) as may_pay
    from bounded
),
paid as (
    select
        *,
        may_pay
        and (
            status <> 'past_due'
            or trial_ends_at is null
            or coalesce(bool_or(may_pay and status <> 'past_due') over before, false)
        ) as pays,
        coalesce(next_version_from is null or next_ends_at = next_version_from, false) as is_ended
    from tried
    window before as (
        partition by subscription_id order by valid_from
        rows between unbounded preceding and 1 preceding
    )
),
starts as (
    select c, pays_from
    from paid
    where pays
    qualify pays_from is distinct from lag(in_force_to) over (partition by subscription_id order by pays_from)
),
switches as (
    select paid.c, paid.in_force_to, min(starts.pays_from) as switched_at
    from paid
    inner join starts
        on paid.c = starts.c
        and starts.pays_from > paid.in_force_to
        and starts.pays_from <= paid.in_force_to + interval 1 day
    where paid.pays and paid.is_ended
    group by paid.c, paid.in_force_to
)
select
    paid.*,
    case when pays and is_ended then coalesce(switched_at, in_force_to) else in_force_to end as pays_to,
    case
        when cancel_requested_at is not null then cancel_requested_at
        when ends_at is not null then valid_from
    end as set_to_end_at,
    (in_force_to is null or in_force_from < in_force_to)
    and coalesce(trial_ends_at > in_force_from, status = 'trialing') as is_trial,
    pays and pays_from < getvariable('as_of_at') as is_paying
from paid
left join switches using (c, in_force_to)
where in_force_from < getvariable('as_of_at');

create temp table paying as
select
    c, subscription_id, plan_id, status, billing_interval, cancel_reason, quantity, mrr, valid_from,
    in_force_to, pays_from, pays_to, set_to_end_at, ends_at, next_version_from, next_status, next_reason,
    next_ends_at,
    pays_from::date as pays_from_date,
    coalesce(pays_to < getvariable('as_of_at'), false) as is_over
from versions
where is_paying;

create temp table ends as
with explained as (
    select
        *,
        case when ends_at = in_force_to then cancel_reason when next_ends_at = in_force_to then next_reason end
            as text,
        case when ends_at = in_force_to then status when next_ends_at = in_force_to then next_status end
            as end_status,
        case when next_version_from = in_force_to then next_status end as status_after
    from paying
    where is_over
)
select
    explained.c,
    pays_to as ended_at,
    coalesce(
        reasons.reason,
        case when text is not null then '(unmapped)' end,
        case when status_after in ('paused', 'unpaid', 'incomplete', 'past_due') then status_after end,
        '(none)'
    ) as end_reason,
    coalesce(reasons.is_voluntary, true)
    and status not in ('past_due', 'unpaid')
    and coalesce(end_status, '') not in ('past_due', 'unpaid')
    and coalesce(status_after, '') not in ('past_due', 'unpaid') as is_voluntary,
    text is not null and reasons.reason is null as is_unmapped
from explained
left join read_csv(getvariable('seeds') || '/churn_reasons.csv') as reasons
    on lower(explained.text) = reasons.raw_reason
qualify row_number() over (partition by explained.c, pays_to order by subscription_id) = 1;

create temp table spells as
with dated as (
    select
        c, subscription_id, billing_interval, mrr, pays_from, pays_from_date,
        case when is_over then pays_to end as pays_to,
        case when is_over then pays_to::date else date '9999-12-31' end as pays_to_date
    from paying
),
with_gap as (
    select
        *,
        max(pays_to_date) over (
            partition by c order by pays_from, subscription_id, pays_to_date
            rows between unbounded preceding and 1 preceding
        ) as paid_to
    from dated
),
numbered as (
    select
        *,
        count(*) filter (paid_to is null or paid_to < pays_from_date) over (
            partition by c order by pays_from, subscription_id, pays_to_date
            rows between unbounded preceding and current row
        ) as spell_number
    from with_gap
),
bounded as (
    select
        *,
        min(pays_from) over a_spell as spell_from,
        case when max(pays_to_date) over a_spell < date '9999-12-31' then max(pays_to) over a_spell end
            as spell_to
    from numbered
    window a_spell as (partition by c, spell_number)
),
merged as (
    select
        c,
        spell_number,
        arg_min(billing_interval, (pays_from, subscription_id)) as billing_interval,
        min(pays_from_date) as started_on,
        case when max(spell_to) is not null then max(pays_to_date) end as ended_on,
        max(spell_to) as ended_at,
        sum(mrr) filter (pays_from = spell_from) as start_mrr,
        sum(mrr) filter (pays_to is not distinct from spell_to) as end_mrr
    from bounded
    group by c, spell_number
)
select merged.*, ends.end_reason, ends.is_voluntary
from merged
left join ends on merged.c = ends.c and merged.ended_at = ends.ended_at;

-- months are numbered year * 12 + month; the running month has its state at as_of
create temp table month_ends as
select
    c,
    month_number,
    sum(mrr) as mrr,
    sum(
        case
            when
                set_to_end_at < least(
                    make_date(month_number // 12, month_number % 12 + 1, 1) + interval 1 month,
                    getvariable('as_of_at')
                )
                then 0
            else mrr
        end
    ) as committed_mrr,
    count(*) as subscriptions,
    sum(quantity) as quantity,
    array_to_string(list_sort(list_distinct(list(coalesce(plan_id, '(none)')))), ', ') as plans
from (
    select
        *,
        unnest(generate_series(
            year(pays_from) * 12 + month(pays_from) - 1,
            case
                when is_over then year(pays_to) * 12 + month(pays_to) - 2
                else
                    year(getvariable('as_of') - 1) * 12 + month(getvariable('as_of') - 1) - 1
            end
        )) as month_number
    from paying
)
group by c, month_number;

create temp table customer_months as
with in_sequence as (
    select
        c, month_number, mrr, committed_mrr, paid,
        lag(month_number) over w as previous_number,
        lag(paid) over w as previous,
        lead(month_number) over w as next_number,
        sum(mrr) over (
            partition by c order by month_number range between 12 preceding and 12 preceding
        ) as mrr_12_months_ago
    from (
        select
            *,
            {'mrr': mrr, 'subscriptions': subscriptions, 'quantity': quantity, 'plans': plans} as paid
        from month_ends
    )
    window w as (partition by c order by month_number)
),
changes as (
    select
        c,
        month_number,
        case
            when previous_number is null then 'new'
            when previous_number < month_number - 1 then 'reactivation'
            when mrr > previous.mrr then 'expansion'
            when mrr < previous.mrr then 'contraction'
            else 'none'
        end as movement,
        case when previous_number = month_number - 1 then previous end as before,
        paid as after,
        committed_mrr,
        coalesce(mrr_12_months_ago, 0) as mrr_12_months_ago
    from in_sequence
    union all
    select c, month_number + 1, 'churn', paid, null, 0, 0
    from in_sequence
    where
        next_number is distinct from month_number + 1
        and month_number < year(getvariable('as_of') - 1) * 12 + month(getvariable('as_of') - 1) - 1
    union all
    (
        select distinct on (c, month_number) c, month_number, 'none', null, null, 0, 0
        from (
            select c, year(pays_from) * 12 + month(pays_from) - 1 as month_number
            from paying
            where is_over and date_trunc('month', pays_from) = date_trunc('month', pays_to)
        ) as short
        where
            not exists (
                from month_ends
                where
                    month_ends.c = short.c
                    and month_ends.month_number between short.month_number - 1 and short.month_number
            )
    )
)
select
    c,
    make_date(month_number // 12, month_number % 12 + 1, 1) as month,
    movement,
    coalesce(before.mrr, 0)::decimal(18, 2) as opening_mrr,
    coalesce(after.mrr, 0)::decimal(18, 2) as closing_mrr,
    committed_mrr::decimal(18, 2) as committed_mrr,
    mrr_12_months_ago::decimal(18, 2) as mrr_12_months_ago,
    coalesce(before.subscriptions, 0) as subscriptions_before,
    coalesce(after.subscriptions, 0) as subscriptions_after,
    coalesce(before.quantity, 0) as quantity_before,
    coalesce(after.quantity, 0) as quantity_after,
    before.plans as plans_before,
    after.plans as plans_after
from changes;
