with

source as (

    select * from {{ read_raw(source('raw', 'refunds')) }}

),

dated as (

    -- a refund is converted at its order's day; without an order, at its own
    select
        source.*,
        {{ local_date('coalesce(orders.ordered_at, source.refunded_at)') }} as rate_date

    from source
    left join {{ ref('stg_orders') }} as orders
        on source.order_id = orders.order_id

),

priced as (

    select
        dated.*,
        exchange_rates.exchange_rate

    from dated
    left join {{ ref('stg_exchange_rates') }} as exchange_rates
        on
            coalesce(upper(dated.currency), '{{ var("reporting_currency") }}')
            = exchange_rates.currency
            and dated.rate_date >= exchange_rates.valid_from
            and dated.rate_date < exchange_rates.valid_to

),

judged as (

    select
        *,
        {{ join_reasons([
            'contract_faults',
            "case when rate_date is not null and exchange_rate is null then 'currency has no exchange rate on that day' end",
            "case when amount < 0 then 'amount is negative' end",
        ]) }} as reject_reason

    from priced

),

{{ ranked_versions('judged', key=['refund_id']) }}

select
    refund_id,
    order_id,
    coalesce(upper(currency), '{{ var("reporting_currency") }}') as original_currency,
    file,
    outcome,
    reject_reason,
    raw_record,
    scan_position,
    cast(null as bigint) as line,
    amount as original_amount,
    exchange_rate,
    {{ converted('amount', 'exchange_rate') }} as amount,
    refunded_at

from ranked
