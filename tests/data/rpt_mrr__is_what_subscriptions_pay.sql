with

paying as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where is_paying

),

months as (

    select * from {{ ref('int_periods_spined') }}
    where period_grain = 'month'

),

paid as (

    select
        months.period_start as month,
        sum(paying.mrr) as mrr,
        sum(case when paying.set_to_end_at < months.state_at then 0 else paying.mrr end)
            as committed_mrr

    from months
    inner join paying
        on
            months.state_at > paying.pays_from
            and (paying.pays_to is null or months.state_at <= paying.pays_to)
    {%- if var('merges_apply') == 'from_the_merge_on' %}
    left join {{ ref('int_customers_traced') }} as dated_customers
        on
            paying.customer_id = dated_customers.dated_customer_id
            and dated_customers.is_same
    where
        coalesce(months.state_date > dated_customers.applies_from, true)
        and coalesce(months.state_date <= dated_customers.applies_until, true)
    {%- endif %}
    group by months.period_start

)

select
    mrr.month,
    mrr.closing_mrr,
    paid.mrr as paid_mrr,
    mrr.committed_mrr,
    paid.committed_mrr as paid_committed_mrr

from {{ ref('rpt_mrr') }} as mrr
full outer join paid
    on mrr.month = paid.month
where
    coalesce(mrr.segment_name, 'all') = 'all'
    and (
        coalesce(mrr.closing_mrr, 0) <> coalesce(paid.mrr, 0)
        or coalesce(mrr.committed_mrr, 0) <> coalesce(paid.committed_mrr, 0)
    )
