with

files as (

    select * from {{ ref('stg_source_files') }}

),

outcomes as (

    select * from {{ ref('int_records_aggregated_to_outcomes') }}

),

file_totals as (

    select
        table_name,
        file,
        sum(records) as rows_read,
        sum(derived_records) as rows_derived,
        sum(case when outcome = 'accepted' then records else 0 end) as rows_accepted,
        sum(case when outcome = 'superseded' then records else 0 end) as rows_superseded,
        sum(case when outcome = 'part_of' then records else 0 end) as rows_part_of,
        sum(case when outcome = 'rejected' then records else 0 end) as rows_rejected,
        sum(amount) as amount_read,
        sum(case when outcome = 'accepted' then amount else 0 end) as amount_accepted,
        sum(case when outcome = 'superseded' then amount else 0 end) as amount_superseded,
        sum(case when outcome = 'part_of' then amount else 0 end) as amount_part_of,
        sum(case when outcome = 'rejected' then amount else 0 end) as amount_rejected,
        max(case when outcome = 'accepted' then latest_event_at end) as latest_event_at

    from outcomes
    group by table_name, file

),

-- A file without a record has a row for the table that it would feed.
tables_of_files as (

    select
        file,
        table_name
    from files

    union distinct

    select
        file,
        table_name
    from file_totals

)

select
    tables_of_files.table_name,
    files.system,
    files.entity,
    files.file,
    files.sha256,
    files.columns,
    cast(coalesce(file_totals.rows_read, 0) as bigint) as rows_read,
    cast(coalesce(file_totals.rows_derived, 0) as bigint) as rows_derived,
    cast(coalesce(file_totals.rows_accepted, 0) as bigint) as rows_accepted,
    cast(coalesce(file_totals.rows_superseded, 0) as bigint) as rows_superseded,
    cast(coalesce(file_totals.rows_part_of, 0) as bigint) as rows_part_of,
    cast(coalesce(file_totals.rows_rejected, 0) as bigint) as rows_rejected,
    cast(coalesce(file_totals.amount_read, 0) as decimal(38, 4)) as amount_read,
    cast(coalesce(file_totals.amount_accepted, 0) as decimal(38, 4)) as amount_accepted,
    cast(coalesce(file_totals.amount_superseded, 0) as decimal(38, 4)) as amount_superseded,
    cast(coalesce(file_totals.amount_part_of, 0) as decimal(38, 4)) as amount_part_of,
    cast(coalesce(file_totals.amount_rejected, 0) as decimal(38, 4)) as amount_rejected,
    file_totals.latest_event_at

from tables_of_files
inner join files
    on tables_of_files.file = files.file
left join file_totals
    on
        tables_of_files.file = file_totals.file
        and tables_of_files.table_name = file_totals.table_name
