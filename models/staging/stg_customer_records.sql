with

source as (

    select * from {{ cast_records(source('raw', 'customers')) }}

),

judged as (

    select
        *,
        {{ join_reasons(['contract_faults']) }} as reject_reason

    from source

),

{{ ranked_versions('judged', key=['customer_id']) }}

select
    customer_id,
    referred_by_customer_id,
    merged_into_customer_id,
    email,
    country,
    acquisition_channel,
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
    marketing_consent,
    coalesce(is_deleted, false) as is_deleted,
    birth_date,
    signed_up_at,
    loyalty_joined_at,
    unsubscribed_at,
    coalesce(merged_at, updated_at) as merged_at,
    updated_at{{ pass_through('customers') }}

from ranked
