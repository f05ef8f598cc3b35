{#- A month, or a grain, that the report lacks holds nobody. -#}
with

grains as (

    select distinct period_grain from {{ ref('int_periods_spined') }}

),

cohorts as (

    select
        segment_name,
        period_start,
        sum(mrr) as mrr,
        sum(active_customers) as customers
    from {{ ref('rpt_subscription_cohorts') }}
    where period_grain = 'month'
    group by segment_name, period_start

),

subscribers as (

    select count(distinct coalesce(merged_accounts.customer_id, spells.customer_id)) as customers
    from {{ ref('fct_subscription_spells') }} as spells
    left join {{ ref('int_accounts_merged') }} as merged_accounts
        on spells.customer_id = merged_accounts.account_id

),

cohort_sizes as (

    select
        segment_name,
        period_grain,
        sum(cohort_customers) as customers
    from {{ ref('rpt_subscription_cohorts') }}
    where periods_since = 0
    group by segment_name, period_grain

)

select
    cohorts.segment_name,
    mrr.month,
    'does not add up to the month' as problem

from {{ ref('rpt_mrr') }} as mrr
left join cohorts
    on mrr.month = cohorts.period_start
where
    mrr.segment_name = 'all'
    {%- if var('merges_apply') == 'from_the_merge_on' %}
    -- earlier months have the customers of then
    and mrr.month > (
        select coalesce(max(applies_from), date '0001-01-01')
        from {{ ref('int_accounts_dated') }}
    )
    {%- endif %}
    and (
        mrr.closing_mrr <> coalesce(cohorts.mrr, 0)
        or mrr.customers_at_end <> coalesce(cohorts.customers, 0)
    )

union all

select
    cohort_sizes.segment_name,
    cast(null as date) as month,
    'does not add up to the subscribers' as problem

from grains
cross join subscribers
left join cohort_sizes
    on grains.period_grain = cohort_sizes.period_grain
where coalesce(cohort_sizes.customers, 0) <> subscribers.customers
