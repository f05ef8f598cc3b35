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


{#- The IANA name or the offset of a timezone as exports write it, by the seed timezone_names; else the name itself. -#}
{% macro iana_zone(text) -%}
    coalesce(
        (
            select max(seed_zone)
            from (select name as seed_name, zone as seed_zone from {{ ref('timezone_names') }})
            where lower(seed_name) = lower({{ text }})
        ),
        {{ text }}
    )
{%- endmacro %}


{#- An amount in the currency's smallest unit, as text of the amount in whole units. -#}
{% macro major_units(amount, currency) -%}
    case
        when try_cast({{ amount }} as decimal(28, 9)) is null then {{ amount }}
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


{#- A number without currency signs, blanks and thousands commas; (4.00) is negative. -#}
{% macro plain_decimal(text) -%}
    case
        when regexp_full_match({{ text }}, '\(.*\)')
            then '-' || regexp_replace({{ text }}, '[()$€£¥,\s\xA0]|[A-Z]{3}', '', 'g')
        else regexp_replace({{ text }}, '[$€£¥,\s\xA0]|^[A-Z]{3}|[A-Z]{3}$', '', 'g')
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
