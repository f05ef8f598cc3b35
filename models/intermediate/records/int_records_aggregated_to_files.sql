with

files as (

    select * from {{ ref('stg_source_files') }}

),

outcomes as (

    select * from {{ ref('int_records_aggregated_to_outcomes') }}

),

file_totals as (

    select
        file,
        sum(records) as rows_read,
        sum(case when outcome = 'accepted' then records else 0 end) as rows_accepted,
        sum(case when outcome = 'superseded' then records else 0 end) as rows_superseded,
        sum(case when outcome = 'rejected' then records else 0 end) as rows_rejected,
        sum(amount) as amount_read,
        sum(case when outcome = 'accepted' then amount else 0 end) as amount_accepted,
        sum(case when outcome = 'superseded' then amount else 0 end) as amount_superseded,
        sum(case when outcome = 'rejected' then amount else 0 end) as amount_rejected,
        max(case when outcome = 'accepted' then latest_event_at end) as latest_event_at

    from outcomes
    group by file

)

select
    files.table_name,
    files.file,
    files.sha256,
    files.columns,
    cast(coalesce(file_totals.rows_read, 0) as bigint) as rows_read,
    cast(coalesce(file_totals.rows_accepted, 0) as bigint) as rows_accepted,
    cast(coalesce(file_totals.rows_superseded, 0) as bigint) as rows_superseded,
    cast(coalesce(file_totals.rows_rejected, 0) as bigint) as rows_rejected,
    cast(coalesce(file_totals.amount_read, 0) as decimal(38, 4)) as amount_read,
    cast(coalesce(file_totals.amount_accepted, 0) as decimal(38, 4)) as amount_accepted,
    cast(coalesce(file_totals.amount_superseded, 0) as decimal(38, 4)) as amount_superseded,
    cast(coalesce(file_totals.amount_rejected, 0) as decimal(38, 4)) as amount_rejected,
    file_totals.latest_event_at

from files
left join file_totals
    on files.file = file_totals.file
