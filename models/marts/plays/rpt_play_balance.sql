{#- How recently, how often and for how much a customer had bought before the enrolment. -#}
{%- set measures = {
    'recency': 'days_since_last_purchase',
    'frequency': 'purchases_before',
    'value': 'revenue_before',
} -%}
with

-- Who is enrolled again is so after the play did something, or nothing: of those, the arms may differ.
enrollments as (

    select * from {{ ref('fct_play_enrollments') }}
    where is_first

),

by_arm as (

    select
        play_id,
        {%- for measure, column in measures.items() %}
        count({{ column }}) as customers_{{ measure }},
        sum({{ column }}) as sum_{{ measure }},
        sum({{ column }} * {{ column }}) as squares_{{ measure }},
        {%- endfor %}
        arm

    from enrollments
    group by play_id, arm

),

by_measure as (
    {%- for measure in measures %}

    {{ 'union all' if not loop.first }}

    select
        play_id,
        '{{ measure }}' as measure,
        arm,
        customers_{{ measure }} as customers,
        {{ safe_divide('sum_' ~ measure, 'customers_' ~ measure) }} as mean,
        {{ variance_of_sums('customers_' ~ measure, 'sum_' ~ measure, 'squares_' ~ measure) }}
            as variance

    from by_arm
    {%- endfor %}

),

both_arms as (

    select
        {%- for suffix, arm in {'treated': 'treatment', 'held_out': 'holdout'}.items() %}
        coalesce(sum(case when arm = '{{ arm }}' then customers end), 0) as {{ suffix }},
        max(case when arm = '{{ arm }}' then mean end) as mean_{{ suffix }},
        max(case when arm = '{{ arm }}' then variance end) as variance_{{ suffix }},
        {%- endfor %}
        play_id,
        measure

    from by_measure
    group by play_id, measure

),

-- If chance made the arms, all customers have one variance.
with_variance as (

    select
        *,
        {{ safe_divide(
            '(treated - 1) * variance_treated + (held_out - 1) * variance_held_out',
            'treated + held_out - 2'
        ) }} as variance

    from both_arms

)

select
    play_id,
    measure,
    cast(treated as bigint) as treated,
    cast(held_out as bigint) as held_out,
    mean_treated,
    mean_held_out,
    {{ safe_divide(
        'mean_treated - mean_held_out', 'sqrt((variance_treated + variance_held_out) / 2)'
    ) }} as standardised_difference,
    {{ safe_divide(
        'mean_treated - mean_held_out', 'sqrt(variance * (1e0 / treated + 1e0 / held_out))'
    ) }} as standard_errors

from with_variance
