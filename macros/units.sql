{#-
    Money, rounded once, to the cent. Decimals divide to floating point on most engines, so a quotient passes through
    eight decimals: that removes the binary noise from an exact half cent before it is rounded.
-#}
{% macro round_to_cent(quotient) -%}
    cast(cast({{ quotient }} as decimal(28, 8)) as decimal(18, 2))
{%- endmacro %}


{#-
    An amount in the reporting currency, to the cent. At the rate 1 there is nothing to multiply, and most rows have it:
    products of decimals are slow. They are rounded before they are cast, which is three times as fast as the cast alone.
-#}
{% macro converted(amount, exchange_rate) -%}
    case
        when {{ exchange_rate }} = 1 then cast({{ amount }} as decimal(18, 2))
        else cast(round(cast({{ amount }} as decimal(28, 4)) * {{ exchange_rate }}, 2) as decimal(18, 2))
    end
{%- endmacro %}


{#-
    How many months a billing interval lasts: a year has 12 months, 365 days and 52 weeks. Recurring revenue and renewals
    are counted by the same months.
-#}
{% macro months_per_interval(interval_unit, interval_count) -%}
    ({{ interval_count }} * case {{ interval_unit }}
        when 'day' then 12e0 / 365 when 'week' then 12e0 / 52 when 'year' then 12e0 else 1e0 end)
{%- endmacro %}


{#- The amount of one billing interval, brought to a month and to the reporting currency. -#}
{% macro monthly_amount(amount, interval_unit, interval_count, exchange_rate) -%}
    {{ round_to_cent(
        '(' ~ amount ~ ') * ' ~ exchange_rate ~ ' / ' ~ months_per_interval(interval_unit, interval_count)
    ) }}
{%- endmacro %}


{#-
    A sum of floating-point values that is the same for every order of the rows. Each value is cut to `scale` decimals
    first. Plain sums of doubles differ in the last digits from run to run.
-#}
{% macro order_free_sum(expression, scale) -%}
    sum(cast({{ expression }} as decimal(38, {{ scale }})))
{%- endmacro %}


{#- A rate: NULL where nobody was at risk, never infinite. -#}
{% macro safe_divide(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}
