with

files as (

    select * from {{ ref('int_records_aggregated_to_files') }}

)

select
    table_name,
    file,
    sha256,
    columns,
    rows_read,
    rows_accepted,
    rows_superseded,
    rows_rejected,
    amount_read,
    amount_accepted,
    amount_superseded,
    amount_rejected,
    latest_event_at

from files
