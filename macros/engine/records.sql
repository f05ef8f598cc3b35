{#- What the staging models of records (stg_*_records) share: reasons and versions. -#}

{#- One text of all reasons that hold, NULL when none does. Empty and NULL reasons are left out. -#}
{% macro join_reasons(reasons) -%}
    nullif(concat_ws('; '{% for reason in reasons %}, nullif({{ reason }}, ''){% endfor %}), '')
{%- endmacro %}


{#-
    A CTE `priced`: the records of a relation with the rate of their currency on a day, NULL where the currency has none
    then. An empty currency is the reporting currency. With `is_settled`, the relation has a column exchange_rate, which
    wins where it is filled: the rate at which the money was settled.
-#}
{% macro priced_records(relation, rate_date, is_settled=false) -%}
{%- set currency = "coalesce(upper(" ~ relation ~ ".currency), '" ~ var("reporting_currency") ~ "')" -%}
{%- set rate = "exchange_rates.exchange_rate" -%}
{%- if is_settled -%}{%- set rate = "coalesce(" ~ relation ~ ".exchange_rate, exchange_rates.exchange_rate)" -%}{%- endif -%}
priced as (

    select
        {{ all_except(['currency', 'exchange_rate'] if is_settled else ['currency'], relation) }},
        {{ currency }} as original_currency,
        {{ rate }} as exchange_rate,
        case
            when {{ rate_date }} is not null and {{ rate }} is null
                then 'currency has no exchange rate on that day'
            {%- if is_settled %}
            when {{ rate }} = 0 then 'exchange_rate is 0'
            when {{ currency }} = '{{ var("reporting_currency") }}' and {{ rate }} <> 1
                then 'exchange_rate is not 1, and the currency is the reporting currency'
            {%- endif %}
        end as price_fault

    from {{ relation }}
    left join {{ ref('stg_exchange_rates') }} as exchange_rates
        on
            {{ currency }} = exchange_rates.currency
            and {{ rate_date }} >= exchange_rates.valid_from
            {#- An `or valid_to is null` would make the engine compare every record with every rate. #}
            and {{ rate_date }} < coalesce(exchange_rates.valid_to, date '9999-12-31')

)
{%- endmacro %}


{#-
    CTEs up to `ranked`: the outcome of each record. Records that are not rejected compete by key. The latest version is
    accepted, and the others are superseded. The latest version is the one with the latest updated_at; between records
    without it, or with the same, the one with the latest day in the name of its file. What nothing tells apart is decided
    by content, never by file or row order, and is a conflict. A rejected record keeps its text. A superseded one keeps why,
    and a conflict the file of the record that stands. A part of another record competes with none.
-#}
{% macro ranked_versions(relation, key) -%}
{#- Each part of a record is by itself, for parts have no key. -#}
{%- set contestants = "case when record_role = 'part' then scan_position when reject_reason is null then 0 else -1 end" -%}
kept as (

    select
        {{ all_except(['raw_fields']) }},
        case when reject_reason is not null then {{ as_json('raw_fields') }} end as raw_record

    from {{ relation }}

),

in_sequence as (

    select
        *,
        row_number() over a_key as place,
        lag(content_hash) over a_key as content_before,
        first_value(updated_at) over a_key as kept_updated_at,
        first_value(file_date) over a_key as kept_file_date,
        first_value(file) over a_key as first_file

    from kept
    window a_key as (
        partition by {{ key | join(', ') }}, {{ contestants }}
        order by updated_at desc nulls last, file_date desc nulls last, content_hash desc, file, scan_position
    )

),

with_outcome as (

    select
        {{ all_except(['place', 'content_before', 'kept_updated_at', 'kept_file_date']) }},
        case
            when reject_reason is not null then 'rejected'
            when record_role = 'part' then 'part_of'
            when place = 1 then 'accepted'
            else 'superseded'
        end as outcome,
        case
            when reject_reason is not null or record_role = 'part' or place = 1 then null
            when content_hash = content_before then 'the same record again'
            when updated_at is null and kept_updated_at is not null
                then 'no updated_at, beside a version that has one'
            when updated_at is distinct from kept_updated_at or file_date is distinct from kept_file_date
                then 'a later version of the same key'
            else 'conflict: nothing tells which content is newer'
        end as superseded_reason

    from in_sequence

),

ranked as (

    select
        {{ all_except(['first_file']) }},
        case
            when superseded_reason not in ('the same record again', 'a later version of the same key')
                then first_file
        end as kept_file

    from with_outcome

)
{%- endmacro %}
