with

churned as (

    {%- if var('merges_apply') == 'from_the_merge_on' %}
    select * from {{ ref('int_customer_months_dated') }}
    {%- else %}
    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}
    {%- endif %}
    where movement = 'churn'

),

ends as (

    select * from {{ ref('int_subscription_ends_explained') }}

),

-- A customer who stopped paying more than once in a month left with the last of these ends.
ends_of_months as (

    select
        *,
        row_number() over (
            partition by
                customer_id,
                {{ dbt.date_trunc('month', local_date('ended_at')) }}
            order by ended_at desc
        ) as latest_first,
        cast({{ dbt.date_trunc('month', local_date('ended_at')) }} as date) as month

    from ends

)

-- Nobody churns without an end of paying in that month, so the inner join drops no customer.
select
    churned.month,
    ends.end_reason as reason,
    ends.is_voluntary,
    count(*) as customers,
    cast(sum(churned.churned_mrr) as decimal(18, 2)) as churned_mrr,
    cast(sum(case when ends.is_unmapped then 1 else 0 end) as bigint) as unmapped_customers,
    churned.is_complete

from churned
inner join ends_of_months as ends
    on
        churned.customer_id = ends.customer_id
        and churned.month = ends.month
        and ends.latest_first = 1
group by churned.month, ends.end_reason, ends.is_voluntary, churned.is_complete
