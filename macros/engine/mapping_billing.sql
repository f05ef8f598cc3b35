{#- What the mappings of billing systems need of the engine, beside mapping.sql. -#}

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
