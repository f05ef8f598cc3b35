{#- A rate lies within its interval, and has one exactly where it is not NULL. -#}
{% test interval_contains(model, rate, low, high) %}

select *
from {{ model }}
where
    {{ low }} > {{ rate }} + 1e-9
    or {{ high }} < {{ rate }} - 1e-9
    or ({{ rate }} is null) <> ({{ low }} is null)
    or ({{ rate }} is null) <> ({{ high }} is null)

{% endtest %}
