with

customer_months as (

    select
        month,
        sum(mrr) as mrr,
        sum(case when mrr > 0 then 1 else 0 end) as customers
    from {{ ref('fct_customer_months') }}
    group by month

)

select
    mrr.month,
    mrr.closing_mrr,
    customer_months.mrr

from {{ ref('rpt_mrr') }} as mrr
left join customer_months
    on mrr.month = customer_months.month
where
    mrr.segment_name = 'all'
    and (
        mrr.closing_mrr <> coalesce(customer_months.mrr, 0)
        {%- if var('merges_apply') == 'from_the_merge_on' %}
        -- before a merge several customers of then are one of today
        or mrr.customers_at_end < coalesce(customer_months.customers, 0)
        {%- else %}
        or mrr.customers_at_end <> coalesce(customer_months.customers, 0)
        {%- endif %}
    )
