with

source as (

    select * from {{ cast_records(source('raw', 'feedback')) }}

),

judged as (

    select
        *,
        {{ join_reasons([
            'contract_faults',
            "case when lower(kind) not in ('nps', 'csat', 'complaint') then 'kind is not nps, csat or complaint' end",
            "case when score < 0 or score > 10 then 'score is not 0 to 10' end",
            "case when score is null and lower(kind) in ('nps', 'csat') then 'score is missing' end",
        ]) }} as reject_reason

    from source

),

{{ ranked_versions('judged', key=['feedback_id']) }}

select
    feedback_id,
    customer_id,
    lower(kind) as kind,
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
    score,
    coalesce(is_deleted, false) as is_deleted,
    given_at,
    resolved_at,
    updated_at

from ranked
