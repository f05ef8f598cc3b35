{#- A text that does not look like a status is not repeated: people type names into any field. -#}
{%- set unknown_status -%}
case when canonical_status is null then
'status '
|| case when {{ is_of_form('raw_status', '[a-z0-9 _-]{1,40}') }} then '"' || raw_status || '" ' else '' end
|| 'is unknown; known are active, trialing, past_due, unpaid, incomplete, paused, canceled, expired'
|| ' and the words of seeds/subscription_statuses.csv'
end
{%- endset -%}
{#- A bare date has no time of day that could come before that of the start. As the last day of service it ends at the midnight after. -#}
{%- set ended_too_early -%}
case when
ended_at < started_at
{%- if var('date_only_ends') == 'first_day_without' %}
and coalesce(length(raw_fields.ended_at) <> 10 or {{ local_date('ended_at') }} < {{ local_date('started_at') }}, true)
{%- endif %}
then 'ended_at is before started_at' end
{%- endset -%}
with

source as (

    select * from {{ cast_records(source('raw', 'subscriptions')) }}

),

statuses as (

    select * from {{ ref('subscription_statuses') }}

),

-- A bare date of an end is the first day without service, or by the var date_only_ends the last day
-- of service.
dated as (

    select
        {%- if var('date_only_ends') == 'last_day_of_service' %}
        {{ all_except(['ended_at'], 'source') }},
        case
            when length(source.raw_fields.ended_at) = 10
                then {{ local_midnight(dbt.dateadd('day', 1, local_date('source.ended_at'))) }}
            else source.ended_at
        end as ended_at,
        {%- else %}
        source.*,
        {%- endif %}
        coalesce(
            effective_at,
            updated_at,
            {{ local_midnight('file_date') }},
            started_at
        ) as valid_from,
        lower(coalesce(source.status, 'active')) as raw_status,
        statuses.status as canonical_status,
        coalesce(statuses.is_set_to_end, false) as is_set_to_end

    from source
    left join statuses
        on lower(coalesce(source.status, 'active')) = statuses.raw_status

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
            "case when discount_amount < 0 then 'discount_amount is negative' end",
            "case when interval_count < 1 then 'interval_count is below 1' end",
            "case when quantity < 0 then 'quantity is negative' end",
            ended_too_early,
            unknown_status,
        ]) }} as reject_reason

    from priced

),

{{ ranked_versions('judged', key=['subscription_id', 'item_id', 'valid_from']) }}

select
    subscription_id,
    item_id,
    customer_id,
    plan_id,
    canonical_status as status,
    lower(billing_interval) as billing_interval,
    original_currency,
    cancel_reason,
    file,
    outcome,
    reject_reason,
    superseded_reason,
    kept_file,
    record_role,
    remark,
    raw_record,
    scan_position,
    cast(null as bigint) as line,
    amount as original_amount,
    exchange_rate,
    coalesce(discount_amount, 0) as original_discount_amount,
    coalesce(interval_count, 1) as interval_count,
    coalesce(quantity, 1) as quantity,
    coalesce(is_test, false) as is_test,
    coalesce(is_deleted, false) as is_deleted,
    coalesce(auto_renews, false) as auto_renews,
    is_set_to_end,
    valid_from,
    started_at,
    discount_ends_at,
    trial_ends_at,
    current_period_ends_at,
    cancel_requested_at,
    ended_at,
    updated_at

from ranked
