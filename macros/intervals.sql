{#-
    The 95 % Wilson score interval of a proportion, as lower and upper bound (Wilson 1927). NULL where nobody was at
    risk. Exact at both ends: 0 of n begins at 0, n of n ends at 1.
-#}
{% macro wilson_low(successes, trials) -%}
    case when {{ trials }} > 0 then greatest(0.0, {{ _wilson(successes, trials, '-') }}) end
{%- endmacro %}

{% macro wilson_high(successes, trials) -%}
    case when {{ trials }} > 0 then least(1.0, {{ _wilson(successes, trials, '+') }}) end
{%- endmacro %}

{% macro _wilson(successes, trials, sign) -%}
    {#- Phi^-1(0.975) -#}
    {%- set z = 1.959963984540054 -%}
    {%- set x = 'cast(' ~ successes ~ ' as double)' -%}
    {%- set n = 'cast(' ~ trials ~ ' as double)' -%}
    ({{ x }} + {{ z * z / 2 }} {{ sign }} {{ z }} * sqrt({{ x }} * ({{ n }} - {{ x }}) / {{ n }} + {{ z * z / 4 }}))
    / ({{ n }} + {{ z * z }})
{%- endmacro %}
