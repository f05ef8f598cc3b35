{%- for segment in var('segments') %}
{{ 'union all' if not loop.first }}

select
    '{{ segment }}' as segment_name,
    count(*) as customers
from {{ ref('dim_customers') }}
where {{ segment }} is null
having count(*) > 0
{%- endfor %}
