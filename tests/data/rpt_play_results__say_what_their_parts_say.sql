{%- set results = [
    'months', 'converted_treated', 'converted_held_out', 'rate_treated', 'rate_held_out',
    'revenue_treated', 'revenue_held_out', 'margin_treated', 'margin_held_out', 'lift', 'p_value',
    'incremental_customers', 'offer_cost', 'contact_cost', 'incremental_margin',
    'incremental_margin_ci_low', 'incremental_margin_ci_high', 'customers_to_tell',
    'months_to_tell', 'verdict',
] -%}
with

rows_with_parts as (

    select
        *,
        treated * (
            {{ safe_divide('margin_treated', 'treated') }}
            - {{ safe_divide('margin_held_out', 'held_out') }}
        ) - offer_cost - contact_cost as margin_of_parts,
        treated = 0 or held_out = 0 as has_empty_arm,
        treated >= 10 and held_out >= 10 as has_enough

    from {{ ref('rpt_play_results') }}

)

select * from rows_with_parts
where
    -- nothing is known of a month that is not complete
    (not is_complete and coalesce(
        {%- for column in results %}
        cast({{ column }} as {{ dbt.type_string() }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) is not null)
    or (is_complete and (
        -- a part is no larger than the whole, and differences are those of the parts
        converted_treated not between 0 and treated
        or converted_held_out not between 0 and held_out
        or abs(rate_treated * treated - converted_treated) > 1e-6
        or abs(rate_held_out * held_out - converted_held_out) > 1e-6
        or abs(rate_treated - rate_held_out - lift) > 1e-9
        or abs(treated * lift - incremental_customers) > 1e-6
        or abs(margin_of_parts - incremental_margin) > 0.011
        or incremental_margin not between incremental_margin_ci_low and incremental_margin_ci_high
        or p_value not between 0 and 1 + 1e-9
        or customers_to_tell < 0
        or abs(customers_to_tell * months / (treated + held_out) - months_to_tell)
        > 1e-6 * months_to_tell
        or (customers_to_tell is null) <> (months_to_tell is null)
        -- how long it takes is told of whole plays, while it is open and the rate of the holdout is known a little
        or (customers_to_tell is not null) <> (
            period_grain = 'all'
            and verdict = 'too early to say'
            and converted_held_out >= 5
            and rate_held_out + {{ var('worth_knowing') }} <= 1
        )
        -- two arms are compared, and nothing is said of one
        or has_empty_arm <> (lift is null)
        or has_empty_arm <> (p_value is null)
        or has_empty_arm <> (incremental_margin is null)
        -- the verdict is that of the interval, and a few customers have none
        or verdict is null
        or (verdict = 'no data') <> (treated = 0)
        or (verdict = 'no holdout') <> (treated > 0 and held_out = 0)
        or (verdict = 'works') <> coalesce(has_enough and lift_ci_low > 0, false)
        or (verdict = 'harms') <> coalesce(has_enough and lift_ci_high < 0, false)
        or (incremental_margin_ci_low is not null and not has_enough)
    ))
