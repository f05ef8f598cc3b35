{#- A night lists what was due since the night before it, and looks no farther back for that night. -#}
{% set most_days_back = 7 -%}
{% set timezone = modules.pytz.timezone(var('reporting_timezone')) -%}
{% set build_day = run_started_at.astimezone(timezone).date() -%}
{% set build_day_start = local_midnight("date '" ~ build_day ~ "'") -%}
{#-
    An end that was only announced when its row was written is no event, and nor is a renewal date. Without updated_at, the
    day of the file or the effective moment says when the row was written. A row from its start on tells nothing of that.
-#}
{% set written_at = 'coalesce(updated_at, case when valid_from <> started_at then valid_from end)' -%}
{% set ended_at = 'case when auto_renews or ended_at > ' ~ written_at ~ ' then null else ended_at end' -%}
{% set event_columns = [
    (ref('stg_orders'), ['ordered_at', 'updated_at']),
    (ref('stg_refunds'), ['refunded_at', 'updated_at']),
    (ref('stg_subscription_versions'), ['started_at', 'valid_from', 'updated_at', ended_at, 'cancel_requested_at']),
] -%}

with

latest_events as (
    {%- for relation, columns in event_columns %}
    {%- set is_first_relation = loop.first %}
    {%- for column in columns %}

    {{ 'union all' if not (is_first_relation and loop.first) }}

    select max({{ column }}) as happened_at
    from {{ relation }}
    where {{ column }} < {{ build_day_start }}
    {%- endfor %}
    {%- endfor %}

),

latest_event as (

    select max(happened_at) as happened_at from latest_events

),

as_of_dates as (

    select
        coalesce(
            cast(nullif('{{ var("as_of_date") }}', '') as date),
            cast({{ dbt.dateadd('day', 1, local_date('happened_at')) }} as date)
        ) as as_of

    from latest_event

),

dated as (

    select
        as_of,
        cast({{ dbt.dateadd('day', -1, 'as_of') }} as date) as last_day,
        cast({{ dbt.dateadd('day', -most_days_back, 'as_of') }} as date) as earliest_previous_as_of

    from as_of_dates

),

earlier_events as (
    {%- for relation, columns in event_columns %}
    {%- set is_first_relation = loop.first %}
    {%- for column in columns %}

    {{ 'union all' if not (is_first_relation and loop.first) }}

    select max({{ column }}) as happened_at
    from {{ relation }}
    cross join dated
    where {{ column }} < {{ local_midnight('dated.last_day') }}
    {%- endfor %}
    {%- endfor %}

),

earlier_event as (

    select max(happened_at) as happened_at from earlier_events

)

select
    dated.as_of,
    dated.last_day,
    {{ local_midnight('dated.as_of') }} as as_of_at,
    case
        when '{{ var("as_of_date") }}' <> '' then dated.last_day
        else greatest(
            cast({{ dbt.dateadd('day', 1, local_date('earlier_event.happened_at')) }} as date),
            dated.earliest_previous_as_of
        )
    end as previous_as_of

from dated
cross join earlier_event
