select
    source_files.file,
    files.records as records_in_file,
    source_files.rows_read

from {{ ref('stg_source_files') }} as files
full outer join {{ ref('source_files') }} as source_files
    on files.file = source_files.file
where
    source_files.rows_read is null
    or files.records is null
    or source_files.rows_read <> files.records
    or source_files.rows_read
    <> source_files.rows_accepted + source_files.rows_superseded + source_files.rows_rejected
