{{ config(enabled=var('merges_apply') == 'from_the_merge_on', materialized='view') }}
with

runs as (

    select * from {{ ref('int_activities_merged_to_runs') }}

),

dated_customers as (

    select * from {{ ref('int_customers_traced') }}
    where is_same

)

select
    runs.basis,
    coalesce(dated_customers.customer_then_id, runs.customer_id) as customer_id,
    greatest(
        runs.started_on, coalesce(dated_customers.applies_from, runs.started_on)
    ) as started_on,
    least(
        coalesce(runs.ended_on, dated_customers.applies_until),
        coalesce(dated_customers.applies_until, runs.ended_on)
    ) as ended_on,
    coalesce(
        dated_customers.applies_until is not null
        and coalesce(runs.ended_on >= dated_customers.applies_until, true),
        false
    ) as is_cut

from runs
left join dated_customers
    on runs.customer_id = dated_customers.dated_customer_id
where
    coalesce(runs.started_on < dated_customers.applies_until, true)
    and coalesce(runs.ended_on >= dated_customers.applies_from, true)
