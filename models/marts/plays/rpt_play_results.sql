{#- Narrow sums: the next step adds them up for each segment. -#}
{%- set sums = {
    'customers': ('1', 'bigint'),
    'converted': ('case when enrollments.is_converted then 1 else 0 end', 'bigint'),
    'revenue': ('enrollments.revenue_in_window', 'decimal(18, 2)'),
    'margin': ('enrollments.margin_in_window', 'decimal(18, 2)'),
    'squares': ('enrollments.margin_in_window * enrollments.margin_in_window', 'decimal(38, 4)'),
    'offer_cost': ('enrollments.offer_cost', 'decimal(18, 2)'),
    'contact_cost': ('enrollments.contact_cost', 'decimal(18, 2)'),
} -%}
{%- set arms = {'treated': 'treatment', 'held_out': 'holdout'} -%}
{%- set reach = welch_reach(
    'variance_treated', 'customers_treated', 'variance_held_out', 'customers_held_out'
) -%}
{%- set counts = [
    'converted_treated', 'customers_treated', 'converted_held_out', 'customers_held_out'
] -%}
{#- When the rest of the time is worth telling: at fewer conversions without the play, their rate is hardly known. -#}
{%- set can_tell_when =
    "is_total and verdict = 'too early to say' and converted_held_out >= 5"
-%}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- A customer counts once in a play. Who is enrolled again is so after the play did something, or did
-- nothing: of those, the arms are no longer alike.
enrollments as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'enrolled_on') }} as date) as month,
        is_window_complete and {{ dbt.last_day('enrolled_on', 'month') }} < as_of.as_of as is_known
    from {{ ref('fct_play_enrollments') }}
    cross join as_of
    where is_first

),

-- A customer who was deleted may have no attributes any more: group 0.
attributes as (

    select distinct customers.attribute_group{{ segment_attributes('customers') }}
    from {{ ref('int_customers_segmented') }} as customers

    union all

    select
        0 as attribute_group{% for segment in var('segments') %},
        '(none)' as {{ segment }}{% endfor %}

),

by_group as (

    select
        enrollments.play_id,
        enrollments.month,
        enrollments.arm,
        customers.attribute_group,
        {%- for name, (expression, data_type) in sums.items() %}
        cast(sum({{ expression }}) as {{ data_type }}) as {{ name }},
        {%- endfor %}
        min(case when enrollments.is_known then 1 else 0 end) as is_known

    from enrollments
    left join {{ ref('int_customers_segmented') }} as customers
        on enrollments.customer_id = customers.customer_id
    group by
        enrollments.play_id, enrollments.month, enrollments.arm, customers.attribute_group

),

-- All windows of a play are equally long, so a month is complete for all segments at once.
months as (

    select
        by_group.play_id,
        by_group.month,
        {{ months_between(
            'min(by_group.month) over (partition by by_group.play_id)', 'by_group.month'
        ) }} + 1 as months_so_far,
        min(by_group.is_known) as is_complete

    from by_group
    group by by_group.play_id, by_group.month

),

by_arm as (

    select
        {{ segment_columns() }},
        by_group.play_id,
        by_group.month,
        {%- for name in sums %}
        sum(by_group.{{ name }}) as {{ name }},
        {%- endfor %}
        by_group.arm

    from by_group
    inner join attributes
        on coalesce(by_group.attribute_group, 0) = attributes.attribute_group
    group by {{ segment_sets(['play_id', 'month', 'arm']) }}

),

-- Until a month is complete, its conversions and money count as nothing, and nobody as known.
periods as (

    select
        by_arm.segment_name,
        by_arm.segment_value,
        by_arm.play_id,
        by_arm.month,
        {%- for suffix, arm in arms.items() %}
        {%- set size = "case when by_arm.arm = '" ~ arm ~ "' then by_arm.NAME else 0 end" %}
        sum({{ size | replace('NAME', 'customers') }}) as enrolled_{{ suffix }},
        {%- for name in sums %}
        sum(months.is_complete * {{ size | replace('NAME', name) }}) as {{ name }}_{{ suffix }},
        {%- endfor %}
        {%- endfor %}
        max(months.is_complete * months.months_so_far) as months_so_far,
        grouping(by_arm.month) = 1 as is_total,
        grouping(by_arm.month) = 1 or min(months.is_complete) = 1 as is_complete

    from by_arm
    inner join months
        on by_arm.play_id = months.play_id and by_arm.month = months.month
    group by by_arm.segment_name, by_arm.segment_value, by_arm.play_id, rollup (by_arm.month)

),

{{ fisher_p_values('periods', *counts) }},

-- Fewer than ten customers in an arm prove nothing: a single one would decide.
estimates as (

    select
        *,
        {%- for arm in arms %}
        {{ safe_divide('converted_' ~ arm, 'customers_' ~ arm) }} as rate_{{ arm }},
        {{ safe_divide('margin_' ~ arm, 'customers_' ~ arm) }} as mean_{{ arm }},
        {{ variance_of_sums('customers_' ~ arm, 'margin_' ~ arm, 'squares_' ~ arm) }}
            as variance_{{ arm }},
        {%- endfor %}
        least(customers_treated, customers_held_out) >= {{ smallest_sample() }} as has_enough,
        case when is_total then max(months_so_far) over (partition by play_id) else 1 end as months,
        {{ newcombe_low(*counts) }} as lift_ci_low,
        {{ newcombe_high(*counts) }} as lift_ci_high

    from with_p_values

),

with_verdict as (

    select
        *,
        customers_treated * (mean_treated - mean_held_out)
        - offer_cost_treated - contact_cost_treated as incremental_margin,
        case when has_enough then customers_treated * {{ reach }} end as reach_of_margin,
        {{ values_to_tell(
            'rate_held_out', 'customers_treated', 'customers_held_out', var('worth_knowing')
        ) }} as customers_to_tell,
        case
            when not is_complete then null
            when customers_treated = 0 then 'no data'
            when customers_held_out = 0 then 'no holdout'
            when has_enough and lift_ci_low > 0 then 'works'
            when has_enough and lift_ci_high < 0 then 'harms'
            else 'too early to say'
        end as verdict

    from estimates

)

select
    segment_name,
    segment_value,
    play_id,
    case when is_total then 'all' else 'month' end as period_grain,
    month,
    case when is_complete then cast(months as bigint) end as months,
    {%- for arm in arms %}
    cast(case when is_total then customers_{{ arm }} else enrolled_{{ arm }} end as bigint)
        as {{ arm }},
    case when is_complete then cast(converted_{{ arm }} as bigint) end as converted_{{ arm }},
    rate_{{ arm }},
    {{ wilson_low('converted_' ~ arm, 'customers_' ~ arm) }} as rate_{{ arm }}_ci_low,
    {{ wilson_high('converted_' ~ arm, 'customers_' ~ arm) }} as rate_{{ arm }}_ci_high,
    case when is_complete then cast(revenue_{{ arm }} as decimal(18, 2)) end as revenue_{{ arm }},
    case when is_complete then cast(margin_{{ arm }} as decimal(18, 2)) end as margin_{{ arm }},
    {%- endfor %}
    rate_treated - rate_held_out as lift,
    lift_ci_low,
    lift_ci_high,
    p_value,
    customers_treated * (rate_treated - rate_held_out) as incremental_customers,
    customers_treated * lift_ci_low as incremental_customers_ci_low,
    customers_treated * lift_ci_high as incremental_customers_ci_high,
    case when is_complete then cast(offer_cost_treated as decimal(18, 2)) end as offer_cost,
    case when is_complete then cast(contact_cost_treated as decimal(18, 2)) end as contact_cost,
    {{ round_to_cent('incremental_margin') }} as incremental_margin,
    {{ round_to_cent('incremental_margin - reach_of_margin') }} as incremental_margin_ci_low,
    {{ round_to_cent('incremental_margin + reach_of_margin') }} as incremental_margin_ci_high,
    case when {{ can_tell_when }} then customers_to_tell end as customers_to_tell,
    case
        when {{ can_tell_when }}
            then customers_to_tell * months / (customers_treated + customers_held_out)
    end as months_to_tell,
    verdict,
    is_complete

from with_verdict
