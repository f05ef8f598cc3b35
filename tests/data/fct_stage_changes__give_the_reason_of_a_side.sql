{%- set is_dated = var('merges_apply') == 'from_the_merge_on' -%}
with

-- The stages of a customer on one side only are copied, so only the others can differ.
-- A stage that goes on after a merge keeps the reason that one of the accounts has for it.
changes as (

    select * from {{ ref('fct_stage_changes') }}
    where customer_id in (select customer_id from {{ ref('int_stages_merged_to_overall') }})
    {{ 'and customer_id not in (select customer_id from ' ~ ref('int_stages_dated') ~ ')'
        if is_dated }}

),

overall as (

    select * from changes
    where side = 'overall'

),

sides as (

    select * from changes
    where side <> 'overall'

)

-- A side is in the overall stage on that day, and has its own reason for it. The days are compared behind
-- the join, since a join on them is a hundred times as slow.
select
    overall.customer_id,
    overall.stage,
    overall.reason,
    overall.entered_on

from overall
left join sides
    on
        overall.customer_id = sides.customer_id
        and overall.stage = sides.stage
        and overall.reason = sides.reason
group by overall.customer_id, overall.stage, overall.reason, overall.entered_on
having
    max(
        case
            when
                overall.entered_on >= sides.entered_on
                and coalesce(overall.entered_on < sides.left_on, true)
                then 1
            else 0
        end
    ) = 0
