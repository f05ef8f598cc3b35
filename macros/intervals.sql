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


{#-
    The variance of values, from their number, sum and sum of squares. NULL for less than two values. What is left by the
    rounding of floating-point numbers is none.
-#}
{% macro variance_of_sums(values, sum, squares) -%}
    {%- set mean_square = safe_divide(squares, values) -%}
    {%- set spread = mean_square ~ ' - power(' ~ safe_divide(sum, values) ~ ', 2)' -%}
    (case
        when {{ values }} > 1 and {{ spread }} <= 1e-12 * {{ mean_square }} then 0e0
        when {{ values }} > 1 then ({{ spread }}) * {{ values }} / ({{ values }} - 1)
    end)
{%- endmacro %}


{#-
    How far the 95 % interval of the difference of two means reaches to each side (Welch 1947), from the variance and the
    number of values in each group. NULL where neither group has any variance.
-#}
{% macro welch_reach(variance, values, other_variance, other_values) -%}
    {%- set error = '(' ~ variance ~ ' / ' ~ values ~ ')' -%}
    {%- set other_error = '(' ~ other_variance ~ ' / ' ~ other_values ~ ')' -%}
    {%- set degrees = safe_divide(
        'power(' ~ error ~ ' + ' ~ other_error ~ ', 2)',
        'power(' ~ error ~ ', 2) / (' ~ values ~ ' - 1) + power(' ~ other_error ~ ', 2) / (' ~ other_values ~ ' - 1)'
    ) -%}
    sqrt({{ error }} + {{ other_error }}) * {{ t_quantile('(' ~ degrees ~ ')') }}
{%- endmacro %}


{#-
    How many values two groups need together, until a rate that is higher by `lift` in the first one shows in 80 of 100
    cases: at the rate of the other group, and in the shares of the groups' values so far. NULL where a group is empty, and
    where the rate cannot be so much higher.
-#}
{% macro values_to_tell(other_rate, values, other_values, lift) -%}
    {%- set errors = (normal_quantile() | float) + 0.8416212335729143 -%}
    {%- set rate = '(' ~ other_rate ~ ' + ' ~ lift ~ ')' -%}
    case
        when {{ rate }} <= 1
            then power({{ errors }} / {{ lift }}, 2) * ({{ values }} + {{ other_values }}) * (
                {{ safe_divide(rate ~ ' * (1 - ' ~ rate ~ ')', values) }}
                + {{ safe_divide(other_rate ~ ' * (1 - ' ~ other_rate ~ ')', other_values) }}
            )
    end
{%- endmacro %}


{#-
    The 97.5 % quantile of Student's t distribution, from the normal one (Abramowitz and Stegun 1972, 26.7.5). From nine
    degrees of freedom on, four decimals are right.
-#}
{% macro t_quantile(degrees) -%}
    {%- set z = normal_quantile() | float -%}
    {%- set terms = [
        (z ** 3 + z) / 4,
        (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
        (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
        (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
    ] -%}
    ({{ z }}{% for term in terms %} + {{ term }} / power({{ degrees }}, {{ loop.index }}){% endfor %})
{%- endmacro %}


{#- Of fewer values nothing is concluded: one more could change it. -#}
{% macro smallest_sample() %}10{% endmacro %}


{#- The 97.5 % quantile of the normal distribution. -#}
{% macro normal_quantile() %}1.959963984540054{% endmacro %}
