select
    segment_name,
    segment_value,
    period_grain,
    cohort_start

from {{ ref('rpt_repeat_purchase') }}
where
    {%- for days in [30, 60, 90, 180, 365] %}
    repeat_customers_{{ days }}d > mature_customers_{{ days }}d or
    {%- endfor %}
    top_decile_spend_multiple < 1
