{#- Counts the records of each file by a scan of its own that knows nothing of staging's joins and casts. -#}
with

counted as (
    {%- set ns = namespace(is_first=true) %}
    {%- for table_name in ['orders', 'refunds', 'customers', 'subscriptions', 'marketing_spend'] %}
    {%- for scan in raw_scans(table_name) %}

    {{ 'union all' if not ns.is_first }}
    {%- set ns.is_first = false %}

    select
        substr(filename, {{ raw_dir() | length + 2 }}) as file,
        count(*) as records
    from {{ scan.reader }}
    group by filename
    {%- endfor %}
    {%- endfor %}
    {%- if ns.is_first %}

    select
        '' as file,
        0 as records
    where false
    {%- endif %}

)

select
    source_files.file,
    source_files.rows_read,
    counted.records

from {{ ref('source_files') }} as source_files
left join counted
    on source_files.file = counted.file
where
    source_files.rows_read <> coalesce(counted.records, 0)
    or source_files.rows_read
    <> source_files.rows_accepted + source_files.rows_superseded + source_files.rows_rejected
    or source_files.amount_read
    <> source_files.amount_accepted + source_files.amount_superseded + source_files.amount_rejected
