{#-
    Each rate lies within its interval, and the interval is NULL exactly where the rate is NULL. Intervals are {rate, low, high}.
-#}
{% test interval_contains(model, intervals) %}

select *
from {{ model }}
where
    {% for interval in intervals -%}
        {{ 'or ' if not loop.first }}{{ interval.low }} > {{ interval.rate }} + 1e-9
        or {{ interval.high }} < {{ interval.rate }} - 1e-9
        or ({{ interval.rate }} is null) <> ({{ interval.low }} is null)
        or ({{ interval.rate }} is null) <> ({{ interval.high }} is null)
    {% endfor %}

{% endtest %}
