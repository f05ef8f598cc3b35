select
    segment_name,
    segment_value,
    period_grain,
    cohort_start

from {{ ref('rpt_repeat_purchase') }}
where
    repeat_customers > customers
    {%- for days in [30, 60, 90, 180, 365] %}
    or mature_customers_{{ days }}d > customers
    or repeat_customers_{{ days }}d > mature_customers_{{ days }}d
    or repeat_customers_{{ days }}d > repeat_customers
    {%- endfor %}
    {%- for shorter, longer in [(30, 60), (60, 90), (90, 180), (180, 365)] %}
    or mature_customers_{{ longer }}d > mature_customers_{{ shorter }}d
    {%- endfor %}
    or top_decile_spend_multiple < 1
