with

customers as (

    select
        coalesce(sum(current_mrr), 0) as mrr,
        coalesce(sum(case when current_mrr > 0 then 1 else 0 end), 0) as subscribers
    from {{ ref('dim_customers') }}

),

months as (

    select
        *,
        row_number() over (order by month desc) as months_back
    from {{ ref('rpt_mrr') }}
    where segment_name = 'all' and is_complete

),

last_year as (

    select
        coalesce(sum(churned_customers), 0) as churns,
        coalesce(sum(customers_at_start), 0) as months_at_risk
    from months
    where
        months_back <= 12
        and month >= coalesce(
            cast(nullif('{{ var("subscriptions_observed_from") }}', '') as date), date '0001-01-01'
        )

),

reported as (

    select * from {{ ref('rpt_retention_value') }}
    where segment_name = 'all' and scenario = 'today'

)

select
    customers.mrr,
    reported.mrr as reported_mrr,
    last_year.churns,
    reported.churns as reported_churns,
    last_year.months_at_risk,
    reported.months_at_risk as reported_months_at_risk

from customers
cross join last_year
left join reported
    on customers.subscribers > 0
where
    customers.subscribers <> coalesce(reported.subscribers, 0)
    or customers.mrr <> coalesce(reported.mrr, 0)
    {%- if var('merges_apply') == 'from_the_merge_on' %}
    -- one customer of today was several in the months before a merge
    or last_year.churns < reported.churns
    or last_year.months_at_risk < reported.months_at_risk
    {%- else %}
    or last_year.churns <> reported.churns
    or last_year.months_at_risk <> reported.months_at_risk
    {%- endif %}
