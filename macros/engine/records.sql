{#- What the staging models of records (stg_*_records) share: reasons and versions. -#}

{#- One text of all reasons that hold, NULL when none does. Empty and NULL reasons are left out. -#}
{% macro join_reasons(reasons) -%}
    nullif(concat_ws('; '{% for reason in reasons %}, nullif({{ reason }}, ''){% endfor %}), '')
{%- endmacro %}


{#-
    A CTE `priced`: the records of a relation with the rate of their currency on a day, NULL where the currency has none
    then. An empty currency is the reporting currency.
-#}
{% macro priced_records(relation, rate_date) -%}
priced as (

    select
        {{ relation }}.* exclude (currency),
        coalesce(upper({{ relation }}.currency), '{{ var("reporting_currency") }}') as original_currency,
        exchange_rates.exchange_rate,
        case
            when {{ rate_date }} is not null and exchange_rates.exchange_rate is null
                then 'currency has no exchange rate on that day'
        end as price_fault

    from {{ relation }}
    left join {{ ref('stg_exchange_rates') }} as exchange_rates
        on
            coalesce(upper({{ relation }}.currency), '{{ var("reporting_currency") }}')
            = exchange_rates.currency
            and {{ rate_date }} >= exchange_rates.valid_from
            {#- An `or valid_to is null` would make the engine compare every record with every rate. #}
            and {{ rate_date }} < coalesce(exchange_rates.valid_to, date '9999-12-31')

)
{%- endmacro %}


{#-
    CTEs up to `ranked`: the outcome of each record. Records that are not rejected compete by key. The one with the latest
    version column is accepted, and the others are superseded. Equal versions are decided by content, never by file or row
    order. Of two records with the same content, the first file's counts as accepted: that changes no number, and keeps the
    report of files stable. A rejected record keeps its text.
-#}
{% macro ranked_versions(relation, key, version=none) -%}
kept as (

    select
        * exclude (raw_fields),
        case when reject_reason is not null then cast(to_json(raw_fields) as varchar) end as raw_record

    from {{ relation }}

),

ranked as (

    select
        *,
        case
            when reject_reason is not null then 'rejected'
            when
                row_number() over (
                    partition by {{ key | join(', ') }}, reject_reason is null
                    order by {{ version ~ ' desc nulls last, ' if version }}content_hash desc, file, scan_position
                ) = 1
                then 'accepted'
            else 'superseded'
        end as outcome

    from kept

)
{%- endmacro %}
