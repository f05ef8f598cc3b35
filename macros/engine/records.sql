{#- What the staging models of records (stg_*_records) share: reasons and versions. -#}

{#- One text of all reasons that hold, NULL when none does. Empty and NULL reasons are left out. -#}
{% macro join_reasons(reasons) -%}
    nullif(concat_ws('; '{% for reason in reasons %}, nullif({{ reason }}, ''){% endfor %}), '')
{%- endmacro %}


{#-
    CTEs up to `ranked`: what became of each record. Among the records of one key that were not rejected, the one
    with the latest version column is accepted and the others are superseded; equal versions are decided by content,
    never by file or row order (of two records with the same content the first file's counts as accepted, which changes
    no number but keeps the report of files stable). A rejected record keeps its text.
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
