with

source as (

    select * from {{ read_raw(source('raw', 'customers')) }}

),

judged as (

    select
        *,
        {{ join_reasons(['contract_faults']) }} as reject_reason

    from source

),

{{ ranked_versions('judged', key=['customer_id'], version='updated_at') }}

select
    customer_id,
    referred_by_customer_id,
    email,
    country,
    acquisition_channel,
    file,
    outcome,
    reject_reason,
    raw_record,
    scan_position,
    cast(null as bigint) as line,
    signed_up_at,
    updated_at{{ pass_through('customers') }}

from ranked
