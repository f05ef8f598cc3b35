{#- What the mappings of shops share: arithmetic on texts. -#}

{#- The number of a text that is nothing but digits, a point and a sign; else NULL. -#}
{% macro number_of(text) -%}
    case
        when regexp_full_match({{ text }}, '-?\d{1,20}(\.\d+)?') then try_cast({{ text }} as decimal(38, 9))
    end
{%- endmacro %}


{#-
    What is left of an amount that holds its tax: without its part of the tax, in proportion to what else holds tax. All are
    numbers; NULL without a total. To the cent.
-#}
{% macro without_tax(amount, tax, others) -%}
    cast(
        round(
            cast({{ amount }} as double)
            - cast({{ tax }} as double) * cast({{ amount }} as double)
            / nullif(cast({{ amount }} + coalesce({{ others }}, 0) as double), 0),
            2
        ) as decimal(38, 2)
    )
{%- endmacro %}
