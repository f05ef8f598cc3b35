{%- set horizons = [1, 7, 14, 30] -%}

select
    segment_name,
    segment_value,
    period_grain,
    cohort_start,
    milestone

from {{ ref('rpt_onboarding') }}
where
    reached_customers > customers
    or (median_days is not null and reached_customers = 0)
    {%- for days in horizons %}
    or reached_customers_{{ days }}d > reached_customers
    or mature_customers_{{ days }}d > customers
    -- No estimate is below what is known already.
    or reached_rate_{{ days }}d
    < cast(reached_customers_{{ days }}d as double) / customers - 1e-9
    or (
        mature_customers_{{ days }}d = customers
        and (
            reached_rate_{{ days }}d is null
            or abs(
                reached_rate_{{ days }}d - cast(reached_customers_{{ days }}d as double) / customers
            ) > 1e-9
        )
    )
    or (reached_rate_{{ days }}d > 0.5 + 1e-9 and coalesce(median_days > {{ days }}, true))
    or (reached_rate_{{ days }}d < 0.5 - 1e-9 and median_days <= {{ days }})
    {%- if not loop.first %}
    or reached_rate_{{ days }}d < reached_rate_{{ horizons[loop.index0 - 1] }}d - 1e-9
    or reached_customers_{{ days }}d < reached_customers_{{ horizons[loop.index0 - 1] }}d
    {%- endif %}
    {%- endfor %}
