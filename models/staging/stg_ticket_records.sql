with

source as (

    select * from {{ cast_records(source('raw', 'tickets')) }}

),

-- The clocks of two programs differ: up to five minutes before the opening are no fault. More than
-- that is a wrong time zone or another ticket, and would make support look too fast.
judged as (

    select
        *,
        {{ join_reasons([
            'contract_faults',
            "case when transfers < 0 then 'transfers is negative' end",
            "case when first_response_at < opened_at - interval 5 minute then 'first_response_at is before opened_at' end",
            "case when resolved_at < opened_at - interval 5 minute then 'resolved_at is before opened_at' end",
        ]) }} as reject_reason,
        case
            when first_response_at < opened_at or resolved_at < opened_at
                then 'a time is a little before opened_at, and taken as opened_at'
        end as clock_remark

    from source

),

{{ ranked_versions('judged', key=['ticket_id']) }}

select
    ticket_id,
    customer_id,
    channel,
    file,
    outcome,
    reject_reason,
    superseded_reason,
    kept_file,
    record_role,
    nullif(concat_ws('; ', remark, clock_remark), '') as remark,
    raw_record,
    scan_position,
    cast(null as bigint) as line,
    transfers,
    coalesce(is_deleted, false) as is_deleted,
    opened_at,
    case when first_response_at < opened_at then opened_at else first_response_at end
        as first_response_at,
    case when resolved_at < opened_at then opened_at else resolved_at end as resolved_at,
    updated_at

from ranked
