with

source as (

    select * from {{ cast_records(source('raw', 'tickets')) }}

),

judged as (

    select
        *,
        {{ join_reasons([
            'contract_faults',
            "case when transfers < 0 then 'transfers is negative' end",
            "case when first_response_at < opened_at then 'first_response_at is before opened_at' end",
            "case when resolved_at < opened_at then 'resolved_at is before opened_at' end",
        ]) }} as reject_reason

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
    remark,
    raw_record,
    scan_position,
    cast(null as bigint) as line,
    transfers,
    coalesce(is_deleted, false) as is_deleted,
    opened_at,
    first_response_at,
    resolved_at,
    updated_at

from ranked
