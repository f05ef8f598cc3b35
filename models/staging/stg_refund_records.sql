with

source as (

    select * from {{ cast_records(source('raw', 'refunds')) }}

),

-- A refund is converted at the rate of its order, or of its order's day if it has another currency.
-- Without an order, at the rate of its own day.
dated as (

    select
        source.*,
        case
            when
                coalesce(upper(source.currency), '{{ var("reporting_currency") }}')
                = orders.original_currency
                then orders.exchange_rate
        end as exchange_rate,
        {{ local_date('coalesce(orders.ordered_at, source.refunded_at)') }} as rate_date

    from source
    left join {{ ref('stg_orders') }} as orders
        on source.order_id = orders.order_id

),

{{ priced_records('dated', 'dated.rate_date', is_settled=true) }},

judged as (

    select
        *,
        {{ join_reasons([
            'contract_faults',
            'price_fault',
            "case when amount < 0 then 'amount is negative' end",
        ]) }} as reject_reason

    from priced

),

{{ ranked_versions('judged', key=['refund_id']) }}

select
    refund_id,
    order_id,
    customer_id,
    lower(status) as status,
    original_currency,
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
    {{ converted('amount', 'exchange_rate') }} as amount,
    coalesce(is_test, false) as is_test,
    coalesce(is_deleted, false) as is_deleted,
    refunded_at,
    updated_at

from ranked
