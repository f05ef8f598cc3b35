with

spells as (

    {%- if var('merges_apply') == 'from_the_merge_on' %}
    select * from {{ ref('int_spells_dated') }}
    {%- else %}
    select * from {{ ref('int_subscriptions_merged_to_spells') }}
    {%- endif %}

)

select
    customer_id || '-' || cast(spell_number as {{ dbt.type_string() }}) as spell_id,
    customer_id,
    end_reason,
    cast(spell_number as bigint) as spell_number,
    start_mrr,
    end_mrr,
    is_voluntary,
    started_on,
    ended_on

from spells
