{%- set is_dated = var('merges_apply') == 'from_the_merge_on' -%}
{%- set customer_id = 'dated_customer_id' if is_dated else 'customer_id' -%}
with

months as (

    select * from {{ ref('int_months_spined') }}

),

paying as (

    {%- if is_dated %}
    -- A dated customer has the month ends of those from whom it came, as each of them had them.
    select
        versions.*,
        coalesce(customers.dated_customer_id, versions.customer_id) as dated_customer_id,
        customers.earlier_applies_from as applies_from,
        customers.earlier_applies_until as applies_until

    from {{ ref('int_subscription_versions_priced') }} as versions
    left join {{ ref('int_customers_traced') }} as customers
        on versions.customer_id = customers.earlier_customer_id
    where versions.is_paying
    {%- else %}
    select * from {{ ref('int_subscription_versions_priced') }}
    where is_paying
    {%- endif %}

)

-- Paying just before the month's closing moment: begun before it, and not ended before it. Versions
-- of one item never overlap, so each row of the join is another item of a subscription.
select
    paying.{{ customer_id }}{{ ' as customer_id' if is_dated }},
    {{ sorted_list("coalesce(paying.plan_id, '(none)')") }} as plans,
    months.month_number,
    cast(sum(paying.mrr) as decimal(18, 2)) as mrr,
    cast(
        sum(case when paying.set_to_end_at < months.state_at then 0 else paying.mrr end)
        as decimal(18, 2)
    ) as committed_mrr,
    count(distinct paying.subscription_id) as subscriptions,
    cast(sum(paying.quantity) as bigint) as quantity,
    months.month,
    months.state_date

from paying
inner join months
    on
        paying.pays_from < months.state_at
        and (paying.pays_to is null or paying.pays_to >= months.state_at)
{%- if is_dated %}
where
    coalesce(months.state_date > paying.applies_from, true)
    and coalesce(months.state_date <= paying.applies_until, true)
{%- endif %}
group by paying.{{ customer_id }}, months.month_number, months.month, months.state_date
