{#-
    Fisher's exact test of two rates, as common table expressions. The last one is with_p_values: the rows of the relation
    with p_value, the chance, two-sided, of what was found or of something less likely, if both groups had the same rate.
    The other arguments are columns of the relation: the hits and the size of each of two groups. p_value is NULL where a
    group is empty.

    All outcomes of the same sizes and as many hits are listed by the hits in the second group. The chance of an outcome
    follows from the one before by the ratio of the two. Their logarithms are added: chances themselves are too small for
    a floating-point number. Outcomes are as likely as the found one up to the noise of logarithms. Outcomes that are ten
    standard deviations farther from the mean than the found one are left out: all of them together have no chance that
    a floating-point number could show. Sums are those of decimals, so the order of rows does not matter.
-#}
{% macro fisher_p_values(relation, hits_of_ones, ones, hits_of_twos, twos) -%}
{%- set four = [hits_of_ones, ones, hits_of_twos, twos] | join(', ') -%}
{%- set mean = safe_divide('all_hits * ' ~ twos, ones ~ ' + ' ~ twos) -%}
{%- set deviation = 'sqrt(' ~ mean ~ ' * ' ~ safe_divide(ones, ones ~ ' + ' ~ twos) ~ ')' -%}
{%- set reach = '(abs(' ~ hits_of_twos ~ ' - ' ~ mean ~ ') + 10 * (1 + ' ~ deviation ~ '))' -%}
tables_of_four as (

    select distinct {{ four }}, {{ hits_of_ones }} + {{ hits_of_twos }} as all_hits
    from {{ relation }}
    where {{ ones }} > 0 and {{ twos }} > 0

),

ranges as (

    select
        *,
        greatest(all_hits - {{ ones }}, 0, floor({{ mean }} - {{ reach }})) as first_hits,
        least(all_hits, {{ twos }}, ceil({{ mean }} + {{ reach }})) as last_hits

    from tables_of_four

),

outcomes as (

    select *, {{ each_number('first_hits', 'last_hits') }} as hits
    from ranges

),

log_chances as (

    select
        {{ four }},
        hits,
        sum(cast(
            case
                when hits = first_hits then 0
                else ln({{ safe_divide(
                    '(' ~ twos ~ ' - hits + 1) * (all_hits - hits + 1)',
                    'hits * (' ~ ones ~ ' - all_hits + hits)'
                ) }})
            end as decimal(18, 15)
        )) over (partition by {{ four }} order by hits) as log_chance

    from outcomes

),

landmarks as (

    select
        {{ four }},
        max(log_chance) as highest,
        max(case when hits = {{ hits_of_twos }} then log_chance end) as found

    from log_chances
    group by {{ four }}

),

p_values as (

    select
        {% for column in [hits_of_ones, ones, hits_of_twos, twos] -%}
        log_chances.{{ column }},
        {% endfor -%}
        exp(cast(max(landmarks.found - landmarks.highest) as double)) * {{ safe_divide(
            'sum(cast(case when log_chances.log_chance <= landmarks.found + 1e-7'
            ~ ' then exp(cast(log_chances.log_chance - landmarks.found as double)) else 0 end as decimal(18, 16)))',
            'sum(cast(exp(cast(log_chances.log_chance - landmarks.highest as double)) as decimal(18, 16)))'
        ) }} as p_value

    from log_chances
    inner join landmarks
        on {% for column in [hits_of_ones, ones, hits_of_twos, twos] -%}
            {{ 'and ' if not loop.first }}log_chances.{{ column }} = landmarks.{{ column }}
        {% endfor %}
    group by {% for column in [hits_of_ones, ones, hits_of_twos, twos] -%}
        log_chances.{{ column }}{{ ', ' if not loop.last }}
        {%- endfor %}

),

with_p_values as (

    select
        {{ relation }}.*,
        p_values.p_value

    from {{ relation }}
    left join p_values
        on {% for column in [hits_of_ones, ones, hits_of_twos, twos] -%}
            {{ 'and ' if not loop.first }}{{ relation }}.{{ column }} = p_values.{{ column }}
        {% endfor %}

)
{%- endmacro %}
