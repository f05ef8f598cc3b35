{#- A rate lies within its interval. The interval is NULL exactly where the rate is NULL. -#}
{% test interval_contains(model, rate, low, high) %}

select *
from {{ model }}
where
    {{ low }} > {{ rate }} + 1e-9
    or {{ high }} < {{ rate }} - 1e-9
    or ({{ rate }} is null) <> ({{ low }} is null)
    or ({{ rate }} is null) <> ({{ high }} is null)

{% endtest %}
