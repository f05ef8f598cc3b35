with

source as (

    select * from {{ cast_records(source('raw', 'milestones')) }}

),

judged as (

    select
        *,
        {{ join_reasons(['contract_faults']) }} as reject_reason

    from source

),

{{ ranked_versions('judged', key=['customer_id', 'milestone', 'reached_at']) }}

select
    customer_id,
    milestone,
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
    coalesce(is_deleted, false) as is_deleted,
    reached_at,
    updated_at

from ranked
