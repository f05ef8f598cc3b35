{#-
    Money from a floating-point number, rounded once, to the cent. The number passes through eight decimals: that removes
    the binary noise from an exact half cent before it is rounded. Without that step 1.005 is 1.00 on one engine and 1.01 on
    another.
-#}
{% macro round_to_cent(number) -%}
    cast({{ eight_decimals(number) }} as decimal(18, 2))
{%- endmacro %}


{#-
    An amount in the reporting currency, to the cent. At the rate 1 there is nothing to multiply, and most rows have it:
    products of decimals are slow. They are rounded before they are cast, which is three times as fast as the cast alone.
    Amounts have four decimals and rates eight, so 19 and 18 digits make 37: an engine that has to store a 39th digit
    rounds the product first, and the result is a cent off.
-#}
{% macro converted(amount, exchange_rate) -%}
    case
        when {{ exchange_rate }} = 1 then cast({{ amount }} as decimal(18, 2))
        else cast(round(cast({{ amount }} as decimal(19, 4)) * cast({{ exchange_rate }} as decimal(18, 8)), 2) as decimal(18, 2))
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


{#-
    The amount of one billing interval, brought to a month and to the reporting currency. Engines divide decimals in ways of
    their own, and doubles all in the same way.
-#}
{% macro monthly_amount(amount, interval_unit, interval_count, exchange_rate) -%}
    {{ round_to_cent(
        'cast(' ~ amount ~ ' as double) * cast(' ~ exchange_rate ~ ' as double) / '
        ~ months_per_interval(interval_unit, interval_count)
    ) }}
{%- endmacro %}


{#-
    The calendar months from the month of one day to the month of another: 1 from 31 January to 1 February. Engines differ in
    what they call the months between two days.
-#}
{% macro months_between(first_day, last_day) -%}
    (
        (extract(year from {{ last_day }}) - extract(year from {{ first_day }})) * 12
        + extract(month from {{ last_day }}) - extract(month from {{ first_day }})
    )
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


{#-
    A text as a share in [0, 1), spread evenly, for ever and on every engine the same: the first 52 bits of its MD5, that is 13
    hexadecimal digits. A double holds 52 bits exactly.
-#}
{% macro share_of_text(text) -%}
    {{ number_of_hexadecimal('substr(' ~ dbt.hash(text) ~ ', 1, 13)') }} / 4503599627370496e0
{%- endmacro %}


{#-
    The days after the end of a spell until no payment can bridge it any more: the first morning that knows the end for sure.
    Both reactivation_gap_days and switch_gap_hours can make an end none.
-#}
{% macro days_until_an_end_is_certain() -%}
    {{ [var('reactivation_gap_days') | int, 1 + (var('switch_gap_hours') | int + 23) // 24] | max }}
{%- endmacro %}
