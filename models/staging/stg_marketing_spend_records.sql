with

source as (

    select * from {{ read_raw(source('raw', 'marketing_spend')) }}

),

priced as (

    select
        source.*,
        exchange_rates.exchange_rate

    from source
    left join {{ ref('stg_exchange_rates') }} as exchange_rates
        on
            coalesce(upper(source.currency), '{{ var("reporting_currency") }}')
            = exchange_rates.currency
            and source.spend_date >= exchange_rates.valid_from
            and source.spend_date < exchange_rates.valid_to

),

judged as (

    select
        *,
        {{ join_reasons([
            'contract_faults',
            "case when spend_date is not null and exchange_rate is null then 'currency has no exchange rate on that day' end",
        ]) }} as reject_reason

    from priced

),

{{ ranked_versions('judged', key=['spend_date', 'channel']) }}

select
    channel,
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
    spend_date

from ranked
