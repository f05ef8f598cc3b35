{#- Without 'any': most of its runs are copies, and the rest are merged by the same SQL. -#}
with

runs as (

    select
        *,
        lead(started_on) over (
            partition by basis, customer_id order by run_number
        ) as next_started_on

    from {{ ref('int_activities_merged_to_runs') }}
    where basis <> 'any'

)

select
    basis,
    customer_id,
    run_number,
    started_on,
    ended_on,
    next_started_on

from runs
where next_started_on is not null and (ended_on is null or next_started_on <= ended_on)
