with

source as (

    select * from {{ read_raw(source('raw', 'subscriptions')) }}

),

dated as (

    select
        *,
        coalesce(
            effective_at,
            updated_at,
            {{ local_midnight(date_in_text('file')) }},
            started_at
        ) as valid_from

    from source

),

{{ priced_records('dated', local_date('dated.valid_from')) }},

judged as (

    select
        *,
        {{ join_reasons([
            'contract_faults',
            'price_fault',
            "case when lower(billing_interval) not in ('day', 'week', 'month', 'year') then 'billing_interval is not day, week, month or year' end",
            "case when amount < 0 then 'amount is negative' end",
            "case when interval_count < 1 then 'interval_count is below 1' end",
            "case when quantity < 0 then 'quantity is negative' end",
            "case when ended_at < started_at then 'ended_at is before started_at' end",
            "case when lower(status) not in ('active', 'trialing', 'past_due', 'unpaid', 'incomplete', 'paused', 'canceled', 'cancelled', 'expired') then 'status is unknown' end",
        ]) }} as reject_reason

    from priced

),

{{ ranked_versions('judged', key=['subscription_id', 'valid_from']) }}

select
    subscription_id,
    customer_id,
    plan_id,
    case
        when status is null then 'active'
        when lower(status) = 'cancelled' then 'canceled'
        else lower(status)
    end as status,
    lower(billing_interval) as billing_interval,
    original_currency,
    cancel_reason,
    file,
    outcome,
    reject_reason,
    superseded_reason,
    kept_file,
    raw_record,
    scan_position,
    cast(null as bigint) as line,
    amount as original_amount,
    exchange_rate,
    coalesce(discount_amount, 0) as original_discount_amount,
    coalesce(interval_count, 1) as interval_count,
    coalesce(quantity, 1) as quantity,
    coalesce(is_test, false) as is_test,
    valid_from,
    started_at,
    trial_ends_at,
    current_period_ends_at,
    cancel_requested_at,
    ended_at,
    updated_at

from ranked
