{#- A record of a file can be told in several tables. The derived ones among them are not in the file. -#}
with

totals as (

    select
        file,
        sum(rows_read - rows_derived) as records_told
    from {{ ref('source_files') }}
    group by file

)

select
    files.file,
    files.records as records_in_file,
    totals.records_told,
    source_files.table_name,
    source_files.rows_read

from {{ ref('stg_source_files') }} as files
full outer join totals
    on files.file = totals.file
full outer join {{ ref('source_files') }} as source_files
    on files.file = source_files.file
where
    totals.records_told is null
    or files.records is null
    or totals.records_told <> files.records
    or source_files.rows_read
    <> source_files.rows_accepted + source_files.rows_superseded + source_files.rows_part_of
    + source_files.rows_rejected
