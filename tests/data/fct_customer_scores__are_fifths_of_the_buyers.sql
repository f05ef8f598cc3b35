{#- By score: its column, and the largest value that is worst for it. -#}
{%- set values = {'r_score': '-recency_days', 'f_score': 'frequency', 'm_score': 'monetary'} -%}
with

scores as (

    select * from {{ ref('fct_customer_scores') }}
    where frequency > 0

),

buyers as (

    select count(*) as buyers from scores

),

with_values as (
    {%- for score, value in values.items() %}

    {{ 'union all' if not loop.first }}

    select
        '{{ score }}' as score_name,
        {{ score }} as score,
        count(*) as customers,
        min({{ value }}) as lowest,
        max({{ value }}) as highest
    from scores
    group by {{ score }}
    {%- endfor %}

    union all

    -- the best tenth is above all others
    select
        'is_top_decile' as score_name,
        case when is_top_decile then 10 else 9 end as score,
        count(*) as customers,
        min(monetary) as lowest,
        max(monetary) as highest
    from scores
    group by case when is_top_decile then 10 else 9 end

),

with_neighbours as (

    select
        with_values.*,
        buyers.buyers,
        case when with_values.score_name = 'is_top_decile' then 10 else 5 end as scores_in_all,
        coalesce(
            sum(with_values.customers) over (
                partition by with_values.score_name
                order by with_values.score
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as customers_below,
        lag(with_values.highest) over (
            partition by with_values.score_name order by with_values.score
        ) as highest_below

    from with_values
    cross join buyers

)

select *
from with_neighbours
where
    -- equal values have one score, and a higher value never has a lower one
    lowest <= highest_below
    -- at least (score - 1) fifths of the buyers are below a score
    or (score_name <> 'is_top_decile' or score = 10)
    and scores_in_all * customers_below < (score - 1) * buyers
    or score not between 1 and scores_in_all
