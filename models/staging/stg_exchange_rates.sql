with

seed as (

    select * from {{ ref('exchange_rates') }}
    where reporting_currency = '{{ var("reporting_currency") }}'

),

delivered as (

    select * from {{ ref('stg_exchange_rate_records') }}
    where outcome = 'accepted' and not is_deleted

),

-- A delivered rate replaces the seed's rate of the same day.
combined as (

    select
        coalesce(delivered.currency, seed.currency) as currency,
        coalesce(delivered.exchange_rate, seed.exchange_rate) as exchange_rate,
        coalesce(delivered.rate_date, seed.valid_from) as valid_from

    from seed
    full outer join delivered
        on
            seed.currency = delivered.currency
            and seed.valid_from = delivered.rate_date

),

bounded as (

    select
        currency,
        exchange_rate,
        valid_from,
        lead(valid_from) over (partition by currency order by valid_from) as valid_to

    from combined
    where currency <> '{{ var("reporting_currency") }}'

),

with_reporting_currency as (

    select * from bounded

    union all

    select
        '{{ var("reporting_currency") }}' as currency,
        cast(1 as decimal(18, 8)) as exchange_rate,
        date '0001-01-01' as valid_from,
        cast(null as date) as valid_to

)

select * from with_reporting_currency
