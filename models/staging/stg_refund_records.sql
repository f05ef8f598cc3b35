with

source as (

    select * from {{ read_raw(source('raw', 'refunds')) }}

),

-- A refund is converted at the rate of its order's day. Without an order, at the rate of its own day.
dated as (

    select
        source.*,
        {{ local_date('coalesce(orders.ordered_at, source.refunded_at)') }} as rate_date

    from source
    left join {{ ref('stg_orders') }} as orders
        on source.order_id = orders.order_id

),

{{ priced_records('dated', 'dated.rate_date') }},

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
    original_currency,
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
    {{ converted('amount', 'exchange_rate') }} as amount,
    refunded_at,
    updated_at

from ranked
