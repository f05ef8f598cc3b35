{#- Words of types that hold the word payment and are none. -#}
{%- set no_payments = 'refund|reversal|chargeback|hold|review|release|fee|withdrawal|deposit|authori[sz]ation|mass *pay' -%}

with

source as (

    select * from {{ read_texts(source('paypal', 'activity')) }}

),

-- The export writes days in the account's form. A file with a first number over 12 has the day
-- first; one where no number is over 12 does not say.
with_forms as (

    select
        *,
        lower(type) as type_word,
        coalesce(timezone, time_zone) as zone_name,
        replace(lower(coalesce(status, '')), ' ', '_') as status_word,
        max(try_cast(regexp_extract(date, '^(\d+)[/.]', 1) as integer)) over (
            partition by file
        ) as highest_first,
        max(try_cast(regexp_extract(date, '^\d+[/.](\d+)[/.]', 1) as integer)) over (
            partition by file
        ) as highest_second

    from source

),

with_values as (

    select
        *,
        {{ iana_zone('zone_name') }} as zone,
        date || ' ' || time as moment,
        date like '%.%' or coalesce(highest_first > 12, false) as is_day_first,
        {{ plain_number(with_decimal_point('gross')) }} as gross_text,
        coalesce({{ plain_number(with_decimal_point('sales_tax')) }}, '0') as tax_text,
        coalesce({{ plain_number(with_decimal_point('shipping_and_handling_amount')) }}, '0')
            as shipping_text

    from with_forms

),

with_kinds as (

    select
        *,
        try_cast(gross_text as decimal(18, 4)) as gross_amount,
        case
            when
                try_cast(gross_text as decimal(18, 4)) < 0
                and regexp_matches(type_word, 'refund|reversal|chargeback')
                and not regexp_matches(type_word, 'fee|hold|withdrawal|deposit|authori[sz]ation')
                then 'refund'
            when coalesce(try_cast(gross_text as decimal(18, 4)) <= 0, false) then 'other'
            when
                type_word is null
                or regexp_matches(type_word, 'payment|checkout|virtual terminal')
                and not regexp_matches(type_word, '{{ no_payments }}')
                then 'payment'
            else 'other'
        end as kind

    from with_values

),

-- A time of an unknown timezone is none: its text names the zone, and is refused.
lines as (

    select
        *,
        case
            when zone is null and zone_name is not null then moment || ' ' || zone_name
            when is_day_first
                then {{ iso_from('moment', ['%d/%m/%Y %H:%M:%S', '%d.%m.%Y %H:%M:%S'], 'zone') }}
            else {{ iso_from('moment', ['%m/%d/%Y %H:%M:%S', '%Y-%m-%d %H:%M:%S'], 'zone') }}
        end as happened_at

    from with_kinds

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
    reference_txn_id,
    kind,
    type,
    status_word,
    currency,
    coalesce(
        cast(
            gross_amount - try_cast(tax_text as decimal(18, 4))
            - try_cast(shipping_text as decimal(18, 4)) as varchar
        ),
        gross_text
    ) as goods_amount,
    cast(abs(gross_amount) as varchar) as paid_amount,
    tax_text as tax_amount,
    shipping_text as shipping_amount,
    {{ hashed('from_email_address') }} as sender_id,
    {{ hashed('to_email_address') }} as receiver_id,
    happened_at,
    case
        when date like '%/%' and highest_first <= 12 and highest_second <= 12
            then 'no date of the file says whether day or month comes first: read as month/day'
    end as date_remark

from lines
