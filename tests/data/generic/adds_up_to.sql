{#-
    A plain sum of the view, by the columns `by`, is the sum of the report's rows, in every measure: what a chart shows
    without any filter. `by` and `measures` name the column of the report beside each column of the view. The sums of the
    report are those of the parts of one segment, so that they do not repeat the row from which the view selects.
-#}
{% test adds_up_to(model, report, rows, by, measures) %}

{%- set segment = (var('segments') + ['all'])[0] -%}
{%- set shown_sums, reported_sums, differences, same_rows = [], [], [], [] -%}
{%- for column, reported_column in measures.items() -%}
    {%- do shown_sums.append('sum(' ~ column ~ ') as ' ~ column) -%}
    {%- do reported_sums.append('sum(' ~ reported_column ~ ') as ' ~ reported_column) -%}
    {%- do differences.append(
        'coalesce(shown.' ~ column ~ ', 0) <> coalesce(reported.' ~ reported_column ~ ', 0)'
    ) -%}
{%- endfor -%}
{%- for column, reported_column in by.items() -%}
    {%- do same_rows.append('shown.' ~ column ~ ' = reported.' ~ reported_column) -%}
{%- endfor %}

with

shown as (

    select
        {{ by.keys() | join(', ') }},
        {{ shown_sums | join(', ') }}

    from {{ model }}
    group by {{ by.keys() | join(', ') }}

),

reported as (

    select
        {{ by.values() | join(', ') }},
        {{ reported_sums | join(', ') }}

    from {{ report }}
    where segment_name = '{{ segment }}' and {{ rows }}
    group by {{ by.values() | join(', ') }}

)

select shown.*

from shown
full outer join reported
    on {{ same_rows | join(' and ') }}
where {{ differences | join(' or ') }}

{% endtest %}
