-- The means of both arms, and the sizes, counted plainly.
with

means as (
    {%- for measure, column in {
        'recency': 'days_since_last_purchase',
        'frequency': 'purchases_before',
        'value': 'revenue_before',
    }.items() %}

    {{ 'union all' if not loop.first }}

    select
        play_id,
        '{{ measure }}' as measure,
        count(case when arm = 'treatment' then {{ column }} end) as treated,
        count(case when arm = 'holdout' then {{ column }} end) as held_out,
        avg(case when arm = 'treatment' then {{ column }} end) as mean_treated,
        avg(case when arm = 'holdout' then {{ column }} end) as mean_held_out

    from {{ ref('fct_play_enrollments') }}
    where is_first
    group by play_id
    {%- endfor %}

)

select
    means.play_id,
    means.measure

from means
full outer join {{ ref('rpt_play_balance') }} as balance
    on
        means.play_id = balance.play_id
        and means.measure = balance.measure
where
    means.play_id is null
    or balance.play_id is null
    or means.treated <> balance.treated
    or means.held_out <> balance.held_out
    or abs(means.mean_treated - balance.mean_treated) > 1e-6 * (1 + abs(means.mean_treated))
    or abs(means.mean_held_out - balance.mean_held_out) > 1e-6 * (1 + abs(means.mean_held_out))
