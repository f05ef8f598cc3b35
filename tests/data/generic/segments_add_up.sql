{#-
    The parts of every segment add up to the total, in every measure and for every row of the total. Where the total of a
    measure is NULL, every segment has NULL too.
-#}
{% test segments_add_up(model, by, measures) %}

{%- set sums = [] -%}
{%- set differences = [] -%}
{%- for measure in measures -%}
    {%- do sums.append('sum(' ~ measure ~ ') as ' ~ measure) -%}
    {%- do differences.append('min(' ~ measure ~ ') <> max(' ~ measure ~ ')') -%}
    {%- do differences.append('count(' ~ measure ~ ') not in (0, count(*))') -%}
{%- endfor %}

with

sums as (

    select
        {{ by | join(', ') }},
        segment_name,
        {{ sums | join(', ') }}

    from {{ model }}
    group by {{ by | join(', ') }}, segment_name

)

select
    {{ by | join(', ') }},
    count(*) as segments

from sums
group by {{ by | join(', ') }}
having count(*) <> {{ var('segments') | length + 1 }} or {{ differences | join(' or ') }}

{% endtest %}
