with

source as (

    select * from {{ cast_records(source('raw', 'feedback')) }}

),

-- Only a survey needs its score, and only a complaint is resolved. The clocks of two programs differ:
-- up to five minutes before the complaint are no fault.
judged as (

    select
        *,
        {{ join_reasons([
            'contract_faults',
            "case when lower(kind) not in ('nps', 'csat', 'complaint') then 'kind is not nps, csat or complaint' end",
            "case when lower(kind) in ('nps', 'csat') and raw_fields['score'] is null then 'score is missing' end",
            "case when lower(kind) in ('nps', 'csat') and raw_fields['score'] is not null and (score is null or score < 0 or score > 10) then 'score is not a whole number from 0 to 10' end",
            "case when lower(kind) = 'complaint' and resolved_at < given_at - interval 5 minute then 'resolved_at is before given_at' end",
        ]) }} as reject_reason,
        case
            when lower(kind) = 'complaint' and resolved_at < given_at
                then 'resolved_at is a little before given_at, and taken as given_at'
        end as clock_remark

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
    nullif(concat_ws('; ', remark, clock_remark), '') as remark,
    raw_record,
    scan_position,
    cast(null as bigint) as line,
    case when score between 0 and 10 then score end as score,
    coalesce(is_deleted, false) as is_deleted,
    given_at,
    case
        when lower(kind) <> 'complaint' then null
        when resolved_at < given_at then given_at
        else resolved_at
    end as resolved_at,
    updated_at

from ranked
