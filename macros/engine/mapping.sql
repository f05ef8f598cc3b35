{#-
    What the mappings in models/sources/ share: texts of other forms to texts of the raw contract. A text that cannot be
    turned stays as it is, so that the cast by the contract rejects it by name. A seed's columns are renamed before they
    are compared: in a subquery, a column of the seed would hide a mapping's column of the same name.
-#}

{#- Seconds or milliseconds since 1970 as ISO text. -#}
{% macro iso_from_epoch(text) -%}
    case
        when regexp_full_match({{ text }}, '\d{1,10}(\.\d+)?')
            then {{ iso_text("make_timestamp(cast(floor(try_cast(" ~ text ~ " as decimal(20, 6)) * 1000000) as bigint))") }}
        when regexp_full_match({{ text }}, '\d{12,13}')
            then {{ iso_text("make_timestamp(try_cast(" ~ text ~ " as bigint) * 1000)") }}
        else {{ text }}
    end
{%- endmacro %}


{#- A UTC timestamp as ISO text. -#}
{% macro iso_text(timestamp) -%}
    strftime({{ timestamp }}, '%Y-%m-%dT%H:%M:%S.%fZ')
{%- endmacro %}


{#-
    A time of other forms as ISO text. zone is an SQL expression of an IANA name or an offset such as -08:00; without it,
    the time is local in the reporting timezone. A time of a form with %z carries its own offset. A form without hours gives a
    date.
-#}
{% macro iso_from(text, forms, zone=none) -%}
    {%- set zone = zone or "'" ~ var('reporting_timezone') ~ "'" -%}
    coalesce(
        {%- for form in forms %}
        {%- set time = "try_strptime(" ~ text ~ ", '" ~ form | replace("'", "''") ~ "')" %}
        {%- if not modules.re.search('%-?[HIcXT]', form) %}
        strftime({{ time }}, '%Y-%m-%d'),
        {%- elif '%z' in form or '%Z' in form %}
        {{ iso_text("timezone('UTC', " ~ time ~ ")") }},
        {%- else %}
        {{ iso_text(in_zone(time, zone)) }},
        {%- endif %}
        {%- endfor %}
        {{ text }}
    )
{%- endmacro %}

{#- The UTC timestamp of a local one. The engine knows no offsets as zones. -#}
{% macro in_zone(timestamp, zone) -%}
    case
        when {{ zone }} like '+%' or {{ zone }} like '-%'
            then timezone('UTC', try_cast(strftime({{ timestamp }}, '%Y-%m-%d %H:%M:%S.%f') || {{ zone }} as timestamptz))
        else timezone('UTC', timezone({{ zone }}, {{ timestamp }}))
    end
{%- endmacro %}


{#- A time without a zone that is UTC, because its system says so. -#}
{% macro in_utc(text) -%}
    case
        when regexp_full_match({{ text }}, '\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?') then {{ text }} || 'Z'
        else {{ text }}
    end
{%- endmacro %}


{#-
    The IANA name or the offset of a timezone as exports write it, by the seed timezone_names or by the engine. A name that
    neither knows is NULL, for the engine stops at it: the time stays a text, and its row is rejected.
-#}
{% macro iana_zone(text) -%}
    coalesce(
        (
            select max(seed_zone)
            from (select name as seed_name, zone as seed_zone from {{ ref('timezone_names') }})
            where lower(seed_name) = lower({{ text }})
        ),
        (
            select max(engine_zone)
            from (select name as engine_zone from pg_timezone_names())
            where lower(engine_zone) = lower({{ text }})
        ),
        case when left({{ text }}, 1) in ('+', '-') then {{ text }} end
    )
{%- endmacro %}


{#- Whether a text says yes or no, by the words of the raw contract: t and f are what Postgres writes. -#}
{% macro is_true(text) -%}
    lower({{ text }}) in ('true', 't', '1')
{%- endmacro %}

{% macro is_false(text) -%}
    lower({{ text }}) in ('false', 'f', '0')
{%- endmacro %}


{#- An amount in the currency's smallest unit, as text of the amount in whole units. -#}
{% macro major_units(amount, currency) -%}
    case
        when not {{ is_decimal(amount) }} then {{ amount }}
        else
            case
                coalesce(
                    (
                        select max(seed_digits)
                        from (select currency as seed_currency, digits as seed_digits from {{ ref('currency_minor_units') }})
                        where seed_currency = upper({{ currency }})
                    ),
                    2
                )
                when 0 then cast(try_cast({{ amount }} as decimal(28, 9)) as varchar)
                when 3 then cast(cast(try_cast({{ amount }} as decimal(26, 9)) * 0.001 as decimal(38, 12)) as varchar)
                else cast(cast(try_cast({{ amount }} as decimal(26, 9)) * 0.01 as decimal(38, 12)) as varchar)
            end
    end
{%- endmacro %}


{#- Whether a text is nothing but a decimal with a point. -#}
{% macro is_decimal(text) -%}
    regexp_full_match({{ text }}, '-?\d{1,14}(\.\d+)?')
{%- endmacro %}


{#-
    A number as people and spreadsheets write it, with . or , as its decimal sign, as a plain decimal: $1,234.50,
    1 234,56 €, (4.00), 4.00-. A sign of thousands stands before three digits; else the text stays as it is.
-#}
{% macro plain_number(text, decimal_sign='.') -%}
    {%- set point = '[' ~ decimal_sign ~ ']' -%}
    {%- set blank = '[\\s\\x{A0}\\x{202F}]' -%}
    {%- set thousands = '[' ~ ('.' if decimal_sign == ',' else ',') ~ "''’\\s\\x{A0}\\x{202F}]" -%}
    {%- set unit = '([$€£¥₹]|[A-Z]{3}|[A-Z]{1,2}[$]|kr[.]?|Fr[.]?|zł|Kč)?' ~ blank ~ '*' -%}
    {%- set number = '(\\d+|\\d{1,3}(' ~ thousands ~ '\\d{3})+)(' ~ point ~ '\\d+)?' ~ blank ~ '*' -%}
    {%- set forms = [
        '[-−+]?' ~ unit ~ number ~ unit, unit ~ '[-−+]' ~ number ~ unit, unit ~ number ~ unit ~ '-',
        '\\(' ~ unit ~ number ~ unit ~ '\\)',
    ] -%}
    case
        when regexp_full_match({{ text }}, '-?\d+({{ point }}\d+)?') then replace({{ text }}, '{{ decimal_sign }}', '.')
        when regexp_full_match({{ text }}, '{{ forms | join("|") }}')
            then case when regexp_matches({{ text }}, '[-−(]') then '-' else '' end
                || replace(
                    regexp_replace(regexp_extract({{ text }}, '\d(.*\d)?'), '[^\d{{ decimal_sign }}]', '', 'g'),
                    '{{ decimal_sign }}', '.'
                )
        {%- if decimal_sign == ',' %}
        -- the contract would read it, and it is another number by this sign
        when regexp_full_match({{ text }}, '-?\d+\.\d+') then {{ text }} || ' without a decimal comma'
        {%- endif %}
        else {{ text }}
    end
{%- endmacro %}


{#- An id for whom only an address is known: the same for the same address in any spelling of case. -#}
{% macro hashed(text) -%}
    md5(lower(trim({{ text }})))
{%- endmacro %}


{#- The text of a value in a JSON text by its path, such as $.items.data; NULL where there is none. -#}
{% macro json_value(text, path) -%}
    nullif(json_extract_string(try_cast({{ text }} as json), '{{ path }}'), '')
{%- endmacro %}

{#- The elements of a list in a JSON text, as a list of JSON texts to unnest. -#}
{% macro json_elements(text, path='$') -%}
    try_cast(json_extract(try_cast({{ text }} as json), '{{ path }}') as json[])
{%- endmacro %}


{#-
    A relation's latest row per key. An export is delivered again and again, so a supporting file holds many states of one
    price. order_by names what tells the newer state, best first; then the name of the file decides.
-#}
{% macro latest_rows(relation, key, order_by) -%}
    (
        select * exclude (newest_first)
        from (
            select
                *,
                row_number() over (
                    partition by {{ key }}
                    order by
                        {% for expression in order_by -%}
                        {{ expression }} desc nulls last,
                        {% endfor -%}
                        file desc, scan_position desc
                ) as newest_first
            from {{ relation }}
        )
        where newest_first = 1
    )
{%- endmacro %}


{#- An ISO text some calendar months later; NULL where either is missing. -#}
{% macro iso_plus_months(text, months) -%}
    {{ iso_text(
        "timezone('UTC', try_cast(" ~ text ~ " as timestamptz)) + to_months(try_cast(" ~ months ~ " as integer))"
    ) }}
{%- endmacro %}


{#- The share that several percentages take off together, one after the other: 20 and 10 take 0.28. -#}
{% macro share_off(percentage) -%}
    cast(1 - round(coalesce(product(1 - try_cast({{ percentage }} as double) / 100), 1), 8) as decimal(9, 8))
{%- endmacro %}


{#-
    A number with a decimal point. One with a decimal comma is told by two digits after it: 1.234,56 and 15,26, but not
    1,234 (a comma of thousands) or 1,234.56.
-#}
{% macro with_decimal_point(text) -%}
    case
        when regexp_matches(replace({{ text }}, '−', '-'), '^[^,]*,\d{2}$')
            then replace(replace(replace({{ text }}, '−', '-'), '.', ''), ',', '.')
        else replace({{ text }}, '−', '-')
    end
{%- endmacro %}


{#- When a loader took the record from its system: by Singer, Airbyte or dlt. -#}
{% macro loaded_at() -%}
    coalesce(
        {{ in_utc('sdc_extracted_at') }},
        {{ in_utc(iso_from_epoch('airbyte_extracted_at')) }},
        {{ in_utc(iso_from_epoch('airbyte_emitted_at')) }},
        {{ iso_from_epoch('dlt_load_id') }}
    )
{%- endmacro %}


{#- The number of a text that is nothing but digits, a point and a sign; else NULL. -#}
{% macro number_of(text) -%}
    case
        when regexp_full_match({{ text }}, '-?\d{1,20}(\.\d+)?') then try_cast({{ text }} as decimal(38, 9))
    end
{%- endmacro %}


{#-
    What is left of an amount that holds its tax: without its part of the tax, in proportion to what else holds tax. All are
    numbers; NULL without a total. To the cent.
-#}
{% macro without_tax(amount, tax, others) -%}
    cast(
        round(
            cast({{ amount }} as double)
            - cast({{ tax }} as double) * cast({{ amount }} as double)
            / nullif(cast({{ amount }} + coalesce({{ others }}, 0) as double), 0),
            2
        ) as decimal(38, 2)
    )
{%- endmacro %}
