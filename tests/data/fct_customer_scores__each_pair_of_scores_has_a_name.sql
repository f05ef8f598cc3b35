with

scores as (
    {%- for score in range(1, 6) %}

    {{ 'union all' if not loop.first }}

    select {{ score }} as score
    {%- endfor %}

),

pairs as (

    select
        r_scores.score as r_score,
        f_scores.score as f_score

    from scores as r_scores
    cross join scores as f_scores

)

select
    coalesce(pairs.r_score, segments.r_score) as r_score,
    coalesce(pairs.f_score, segments.f_score) as f_score,
    count(*) as segments

from pairs
full outer join {{ ref('rfm_segments') }} as segments
    on pairs.r_score = segments.r_score and pairs.f_score = segments.f_score
group by coalesce(pairs.r_score, segments.r_score), coalesce(pairs.f_score, segments.f_score)
having count(*) <> 1 or count(pairs.r_score) <> 1 or count(segments.rfm_segment) <> 1
