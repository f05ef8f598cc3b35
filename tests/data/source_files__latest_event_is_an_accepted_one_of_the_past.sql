{%- set started_at = run_started_at.astimezone(modules.pytz.timezone('UTC')) -%}
select
    file,
    rows_accepted,
    latest_event_at

from {{ ref('source_files') }}
where
    latest_event_at >= cast('{{ started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp)
    or (latest_event_at is not null and rows_accepted = 0)
