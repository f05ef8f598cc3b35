with

files as (

    select * from {{ ref('int_records_aggregated_to_files') }}

)

select
    table_name,
    system,
    entity,
    file,
    sha256,
    columns,
    rows_read,
    rows_derived,
    rows_accepted,
    rows_superseded,
    rows_part_of,
    rows_rejected,
    amount_read,
    amount_accepted,
    amount_superseded,
    amount_part_of,
    amount_rejected,
    latest_event_at

from files
