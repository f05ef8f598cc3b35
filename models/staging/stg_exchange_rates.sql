with

source as (

    select * from {{ ref('exchange_rates') }}

),

bounded as (

    select
        currency,
        exchange_rate,
        valid_from,
        lead(valid_from) over (partition by currency order by valid_from) as valid_to

    from source
    where
        reporting_currency = '{{ var("reporting_currency") }}'
        and currency <> '{{ var("reporting_currency") }}'

),

with_reporting_currency as (

    select * from bounded

    union all

    select
        '{{ var("reporting_currency") }}' as currency,
        1 as exchange_rate,
        date '0001-01-01' as valid_from,
        cast(null as date) as valid_to

)

select * from with_reporting_currency
