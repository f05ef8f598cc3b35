{%- set is_dated = var('merges_apply') == 'from_the_merge_on' -%}
with

-- The stages of a customer on one side only are copied, so only the others can differ.
-- A stage that goes on after a merge keeps the reason that one of the accounts has for it.
changes as (

    select * from {{ ref('fct_stage_changes') }}
    where customer_id in (select customer_id from {{ ref('int_stages_merged_to_overall') }})
    {{ 'and customer_id not in (select customer_id from ' ~ ref('int_stages_dated') ~ ')'
        if is_dated }}

)

-- A side is in the overall stage on that day, and has its own reason for it.
select
    overall.customer_id,
    overall.stage,
    overall.reason,
    overall.entered_on

from changes as overall
left join changes as sides
    on
        overall.customer_id = sides.customer_id
        and overall.stage = sides.stage
        and overall.reason = sides.reason
        and sides.side <> 'overall'
        and overall.entered_on >= sides.entered_on
        and coalesce(overall.entered_on < sides.left_on, true)
where overall.side = 'overall' and sides.customer_id is null
