{%- set forms = [
    '%Y-%m-%d %H:%M:%S', '%m/%d/%Y %H:%M:%S', '%m/%d/%y %H:%M:%S', '%m/%d/%Y %I:%M:%S %p', '%Y-%m-%d %I:%M:%S %p',
] -%}

with

source as (

    select * from {{ read_texts(source('square', 'transactions')) }}

),

with_values as (

    select
        *,
        lower(coalesce(event_type, 'payment')) as event,
        {{ iana_zone('time_zone') }} as zone,
        date || ' ' || time as moment,
        {{ plain_number('net_sales') }} as net_text,
        {{ plain_number('discounts') }} as discount_text,
        {{ plain_number('tax') }} as tax_text,
        try_cast({{ plain_number('partial_refunds') }} as decimal(18, 4)) as partial_refund,
        -- a dollar sign is that of several currencies
        case left(ltrim(net_sales, '-( '), 1)
            when '£' then 'GBP' when '€' then 'EUR' when '¥' then 'JPY'
        end as currency

    from source

),

-- A time of an unknown timezone is none: its text names the zone, and is refused.
lines as (

    select
        *,
        case
            when zone is null and time_zone is not null then moment || ' ' || time_zone
            else {{ iso_from('moment', forms, 'zone') }}
        end as happened_at

    from with_values

)

-- Of two downloads, the one that goes on for longer is the newer one.
select
    file,
    coalesce(
        file_date,
        {{ local_date(
            "max(" ~ cast_text('happened_at', 'timestamp') ~ ") over (partition by file)"
        ) }}
    ) as file_date,
    scan_position,
    transaction_id,
    customer_id,
    source as channel,
    currency,
    event,
    event = 'refund' as is_refund,
    net_text,
    tax_text,
    ltrim(discount_text, '-') as discount_amount,
    replace(lower(transaction_status), ' ', '_') as status_word,
    try_cast(net_text as decimal(18, 4)) as net_amount,
    coalesce(partial_refund, 0) as partial_refund,
    happened_at

from lines
