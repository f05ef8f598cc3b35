{%- set is_dated = var('merges_apply') == 'from_the_merge_on' -%}
{%- set customer_id = 'customer_of_today_id' if is_dated else 'customer_id' -%}
with

months as (

    select * from {{ ref('int_months_spined') }}

),

customer_months as (

    {%- if is_dated %}
    select * from {{ ref('int_customer_months_dated') }}
    {%- else %}
    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}
    {%- endif %}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

totals as (

    select
        {{ segment_columns() }},
        month,
        sum(opening_mrr) as opening_mrr,
        sum(new_mrr) as new_mrr,
        sum(reactivation_mrr) as reactivation_mrr,
        sum(expansion_mrr) as expansion_mrr,
        sum(contraction_mrr) as contraction_mrr,
        sum(churned_mrr) as churned_mrr,
        sum(closing_mrr) as closing_mrr,
        sum(committed_mrr) as committed_mrr,
        sum(case when mrr_12_months_ago > 0 then closing_mrr else 0 end) as kept_net_12_months,
        sum(least(mrr_12_months_ago, closing_mrr)) as kept_gross_12_months,
        sum(case when opening_mrr > 0 then 1 else 0 end) as customers_at_start,
        sum(case when closing_mrr > 0 then 1 else 0 end) as customers_at_end,
        sum(case when movement = 'new' then 1 else 0 end) as new_customers,
        sum(case when movement = 'reactivation' then 1 else 0 end) as reactivated_customers,
        sum(case when movement = 'churn' then 1 else 0 end) as churned_customers,
        sum(case when is_short_lived then 1 else 0 end) as short_lived_customers

    from customer_months
    inner join customers
        on customer_months.{{ customer_id }} = customers.customer_id
    group by {{ segment_sets(['month']) }}

),

segments as (

    select
        segment_name,
        segment_value,
        min(month) as first_month

    from totals
    group by segment_name, segment_value

),

-- Every month since the segment's first recurring revenue, also the months in which nobody pays.
every_month as (

    select
        segments.segment_name,
        segments.segment_value,
        months.month,
        months.is_complete,
        coalesce(totals.opening_mrr, 0) as opening_mrr,
        coalesce(totals.new_mrr, 0) as new_mrr,
        coalesce(totals.reactivation_mrr, 0) as reactivation_mrr,
        coalesce(totals.expansion_mrr, 0) as expansion_mrr,
        coalesce(totals.contraction_mrr, 0) as contraction_mrr,
        coalesce(totals.churned_mrr, 0) as churned_mrr,
        coalesce(totals.closing_mrr, 0) as closing_mrr,
        coalesce(totals.committed_mrr, 0) as committed_mrr,
        coalesce(totals.kept_net_12_months, 0) as kept_net_12_months,
        coalesce(totals.kept_gross_12_months, 0) as kept_gross_12_months,
        coalesce(totals.customers_at_start, 0) as customers_at_start,
        coalesce(totals.customers_at_end, 0) as customers_at_end,
        coalesce(totals.new_customers, 0) as new_customers,
        coalesce(totals.reactivated_customers, 0) as reactivated_customers,
        coalesce(totals.churned_customers, 0) as churned_customers,
        coalesce(totals.short_lived_customers, 0) as short_lived_customers

    from segments
    inner join months
        on segments.first_month <= months.month
    left join totals
        on
            segments.segment_name = totals.segment_name
            and segments.segment_value = totals.segment_value
            and months.month = totals.month

),

-- Accounts that were merged in the month are one customer in its movements. Those who paid at the last
-- month's end and are no customer of their own now are merged customers.
-- The retained revenue is the part of the opening revenue that is there at the month's end. Whether
-- reactivated revenue counts is the policy nrr_includes_reactivation.
with_bases as (

    select
        *,
        opening_mrr + expansion_mrr - contraction_mrr - churned_mrr
        {%- if var('nrr_includes_reactivation') %}
        + reactivation_mrr
        {%- endif %} as net_retained_mrr,
        opening_mrr - contraction_mrr - churned_mrr as gross_retained_mrr,
        contraction_mrr + churned_mrr as lost_mrr,
        new_mrr + reactivation_mrr + expansion_mrr as gained_mrr,
        {%- if is_dated %}
        coalesce(
            lag(customers_at_end) over (partition by segment_name, segment_value order by month), 0
        ) - customers_at_start as merged_customers,
        {%- else %}
        0 as merged_customers,
        {%- endif %}
        lag(closing_mrr, 12) over (
            partition by segment_name, segment_value order by month
        ) as mrr_12_months_ago

    from every_month

)

select
    segment_name,
    segment_value,
    month,
    cast(opening_mrr as decimal(18, 2)) as opening_mrr,
    cast(new_mrr as decimal(18, 2)) as new_mrr,
    cast(reactivation_mrr as decimal(18, 2)) as reactivation_mrr,
    cast(expansion_mrr as decimal(18, 2)) as expansion_mrr,
    cast(contraction_mrr as decimal(18, 2)) as contraction_mrr,
    cast(churned_mrr as decimal(18, 2)) as churned_mrr,
    cast(closing_mrr as decimal(18, 2)) as closing_mrr,
    cast(committed_mrr as decimal(18, 2)) as committed_mrr,
    cast(closing_mrr * 12 as decimal(18, 2)) as arr,
    cast(customers_at_start + merged_customers as bigint) as customers_at_start,
    cast(customers_at_end as bigint) as customers_at_end,
    cast(new_customers as bigint) as new_customers,
    cast(reactivated_customers as bigint) as reactivated_customers,
    cast(churned_customers as bigint) as churned_customers,
    cast(short_lived_customers as bigint) as short_lived_customers,
    cast(merged_customers as bigint) as merged_customers,
    {{ round_to_cent(safe_divide('closing_mrr', 'customers_at_end')) }} as arpa,
    {{ safe_divide('net_retained_mrr', 'opening_mrr') }} as nrr,
    {{ safe_divide('gross_retained_mrr', 'opening_mrr') }} as grr,
    {{ safe_divide('kept_net_12_months', 'mrr_12_months_ago') }} as nrr_trailing_12m,
    {{ safe_divide('kept_gross_12_months', 'mrr_12_months_ago') }} as grr_trailing_12m,
    {{ safe_divide('gained_mrr', 'lost_mrr') }} as quick_ratio,
    {{ safe_divide('churned_customers', 'customers_at_start') }} as logo_churn_rate,
    {{ wilson_low('churned_customers', 'customers_at_start') }} as logo_churn_ci_low,
    {{ wilson_high('churned_customers', 'customers_at_start') }} as logo_churn_ci_high,
    {{ safe_divide('lost_mrr', 'opening_mrr') }} as revenue_churn_rate,
    {{ safe_divide('opening_mrr - net_retained_mrr', 'opening_mrr') }} as net_revenue_churn_rate,
    is_complete,
    coalesce(
        month < cast(nullif('{{ var("subscriptions_observed_from") }}', '') as date), false
    ) as is_left_truncated

from with_bases
