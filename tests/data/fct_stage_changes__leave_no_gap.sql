{#- Sums of days and of squares of days: a sort of all customers would cost more, and say the same. -#}
{%- set left_on, end_on = 'changes.left_on', 'as_of.as_of' -%}
{%- if var('merges_apply') == 'from_the_merge_on' -%}
{#- The last stage of an account goes on until its merge. -#}
{%- set merged_on = local_date('merged_accounts.merged_at') -%}
{%- set left_on = 'nullif(changes.left_on, ' ~ merged_on ~ ')' -%}
{%- set end_on = 'coalesce(' ~ merged_on ~ ', as_of.as_of)' -%}
{%- endif -%}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

stays as (

    select
        changes.customer_id,
        changes.side,
        changes.stage,
        nullif(changes.previous_stage, '(merged)') as previous_stage,
        cast({{ dbt.datediff("date '1970-01-01'", 'changes.entered_on', 'day') }} as bigint)
            as entered_day,
        cast({{ dbt.datediff("date '1970-01-01'", left_on, 'day') }} as bigint) as left_day,
        cast({{ dbt.datediff("date '1970-01-01'", end_on, 'day') }} as bigint) as as_of_day

    from {{ ref('fct_stage_changes') }} as changes
    cross join as_of
    {%- if var('merges_apply') == 'from_the_merge_on' %}
    left join {{ ref('int_accounts_merged') }} as merged_accounts
        on
            changes.customer_id = merged_accounts.account_id
            and merged_accounts.not_applied_reason is null
    {%- endif %}

)

-- Each day of an exit is the day of the next entry, so the days of entry are those of the first entry and
-- of all exits.
select
    customer_id,
    side,
    count(*) as stays

from stays
group by customer_id, side
having
    count(*) <> count(left_day) + 1
    or count(*) <> count(previous_stage) + 1
    or sum(entered_day) <> min(entered_day) + coalesce(sum(left_day), 0)
    or sum(entered_day * entered_day)
    <> min(entered_day) * min(entered_day) + coalesce(sum(left_day * left_day), 0)
    or max(entered_day) >= min(as_of_day)
    or max(coalesce(left_day, as_of_day)) <> min(as_of_day)
    or min(coalesce(left_day, as_of_day) - entered_day) < 1
    or max(case when stage = previous_stage then 1 else 0 end) = 1
