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
    {%- set z = normal_quantile() | float -%}
    {%- set x = 'cast(' ~ successes ~ ' as double)' -%}
    {%- set n = 'cast(' ~ trials ~ ' as double)' -%}
    ({{ x }} + {{ z * z / 2 }} {{ sign }} {{ z }} * sqrt({{ x }} * ({{ n }} - {{ x }}) / {{ n }} + {{ z * z / 4 }}))
    / ({{ n }} + {{ z * z }})
{%- endmacro %}


{#-
    The 95 % interval of the difference of two proportions, the first less the second, from their Wilson intervals (Newcombe
    1998, method 10). NULL where one of the two groups is empty.
-#}
{% macro newcombe_low(successes, trials, other_successes, other_trials) -%}
    {{ _difference(successes, trials, other_successes, other_trials) }}
    - {{ _newcombe_reach(successes, trials, 'low', other_successes, other_trials, 'high') }}
{%- endmacro %}

{% macro newcombe_high(successes, trials, other_successes, other_trials) -%}
    {{ _difference(successes, trials, other_successes, other_trials) }}
    + {{ _newcombe_reach(successes, trials, 'high', other_successes, other_trials, 'low') }}
{%- endmacro %}

{% macro _difference(successes, trials, other_successes, other_trials) -%}
    {{ safe_divide(successes, trials) }} - {{ safe_divide(other_successes, other_trials) }}
{%- endmacro %}

{% macro _newcombe_reach(successes, trials, side, other_successes, other_trials, other_side) -%}
    {%- set ends = {'low': wilson_low, 'high': wilson_high} -%}
    sqrt(
        power({{ safe_divide(successes, trials) }} - {{ ends[side](successes, trials) }}, 2)
        + power({{ safe_divide(other_successes, other_trials) }} - {{ ends[other_side](other_successes, other_trials) }}, 2)
    )
{%- endmacro %}


{#-
    The 95 % log-log interval of a Kaplan-Meier estimate (Kalbfleisch and Prentice 1980) from the log of the survival and
    that log's standard error. NULL where the survival is 1 or 0.
-#}
{% macro log_log_low(log_survival, std_error_of_log) -%}
    exp({{ log_survival }} * exp(-{{ normal_quantile() }} * {{ std_error_of_log }} / {{ log_survival }}))
{%- endmacro %}

{% macro log_log_high(log_survival, std_error_of_log) -%}
    exp({{ log_survival }} * exp({{ normal_quantile() }} * {{ std_error_of_log }} / {{ log_survival }}))
{%- endmacro %}


{#- The 95 % interval of an estimate that is normal, from its standard error. -#}
{% macro normal_low(estimate, std_error) -%}
    ({{ estimate }} - {{ normal_quantile() }} * {{ std_error }})
{%- endmacro %}

{% macro normal_high(estimate, std_error) -%}
    ({{ estimate }} + {{ normal_quantile() }} * {{ std_error }})
{%- endmacro %}


{#- The 97.5 % quantile of the normal distribution. -#}
{% macro normal_quantile() %}1.959963984540054{% endmacro %}
