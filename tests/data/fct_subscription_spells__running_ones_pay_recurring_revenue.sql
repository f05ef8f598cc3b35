with

running as (

    select
        coalesce(sum(end_mrr), 0) as mrr,
        coalesce(sum(case when end_mrr > 0 then 1 else 0 end), 0) as customers
    from {{ ref('fct_subscription_spells') }}
    where ended_on is null

),

customers as (

    select
        coalesce(sum(current_mrr), 0) as mrr,
        coalesce(sum(case when current_mrr > 0 then 1 else 0 end), 0) as customers
    from {{ ref('dim_customers') }}

)

select
    running.mrr as mrr_of_running_spells,
    customers.mrr as current_mrr

from running
cross join customers
where running.mrr <> customers.mrr or running.customers <> customers.customers
