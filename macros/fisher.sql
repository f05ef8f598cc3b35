{#-
    Fisher's exact test of two rates, as common table expressions. The last one is with_p_values: the rows of the relation
    with p_value, the chance, two-sided, of what was found or of something less likely, if both groups had the same rate.
    The other arguments are columns of the relation: the hits and the size of each of two groups. p_value is NULL where a
    group is empty.

    All outcomes of the same sizes and as many hits are listed by the hits in the second group. The chance of an outcome
    follows from the one before by the ratio of the two. Their logarithms are added: chances themselves are too small for
    a floating-point number. Outcomes are as likely as the found one up to the noise of logarithms.
-#}
{% macro fisher_p_values(relation, hits_of_ones, ones, hits_of_twos, twos) -%}
{%- set four = [hits_of_ones, ones, hits_of_twos, twos] | join(', ') -%}
{%- set all_hits = '(' ~ hits_of_ones ~ ' + ' ~ hits_of_twos ~ ')' -%}
{%- set first = 'greatest(' ~ all_hits ~ ' - ' ~ ones ~ ', 0)' -%}
tables_of_four as (

    select distinct {{ four }}
    from {{ relation }}
    where {{ ones }} > 0 and {{ twos }} > 0

),

outcomes as (

    select {{ four }}, {{ each_number(first, 'least(' ~ all_hits ~ ', ' ~ twos ~ ')') }} as hits
    from tables_of_four

),

log_chances as (

    select
        {{ four }},
        hits,
        {{ order_free_sum(
            'case when hits = ' ~ first ~ ' then 0 else ln('
            ~ safe_divide(
                '(' ~ twos ~ ' - hits + 1) * (' ~ all_hits ~ ' - hits + 1)',
                'hits * (' ~ ones ~ ' - ' ~ all_hits ~ ' + hits)'
            ) ~ ') end',
            20
        ) }} over (partition by {{ four }} order by hits) as log_chance

    from outcomes

),

compared_chances as (

    select
        {{ four }},
        log_chance - max(log_chance) over (partition by {{ four }}) as log_chance,
        max(case when hits = {{ hits_of_twos }} then log_chance end) over (partition by {{ four }})
        - max(log_chance) over (partition by {{ four }}) as found

    from log_chances

),

p_values as (

    select
        {{ four }},
        {{ safe_divide(
            order_free_sum(
                'case when log_chance <= found + 1e-7 then exp(cast(log_chance as double)) else 0 end', 30
            ),
            order_free_sum('exp(cast(log_chance as double))', 30)
        ) }} as p_value

    from compared_chances
    group by {{ four }}

),

with_p_values as (

    select
        {{ relation }}.*,
        p_values.p_value

    from {{ relation }}
    left join p_values
        on
            {{ relation }}.{{ hits_of_ones }} = p_values.{{ hits_of_ones }}
            and {{ relation }}.{{ ones }} = p_values.{{ ones }}
            and {{ relation }}.{{ hits_of_twos }} = p_values.{{ hits_of_twos }}
            and {{ relation }}.{{ twos }} = p_values.{{ twos }}

)
{%- endmacro %}
