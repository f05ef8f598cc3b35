{%- if var('merges_apply') == 'from_the_merge_on' -%}
select distinct dated_customer_id as customer_id
from {{ ref('int_accounts_dated') }}
where applies_until is not null
{%- else -%}
select cast(null as {{ dbt.type_string() }}) as customer_id
where false
{%- endif %}
