with

customer_months as (

    select * from {{ ref('fct_customer_months') }}
    where mrr > 0

),

-- One customer after the other, from the months that BI sees.
kept as (

    select
        cast({{ dbt.dateadd('month', 12, 'before.month') }} as date) as month,
        sum(before.mrr) as mrr_then,
        sum(coalesce(today.mrr, 0)) as mrr_today,
        sum(least(before.mrr, coalesce(today.mrr, 0))) as kept_mrr

    from customer_months as before
    left join customer_months as today
        on
            before.customer_id = today.customer_id
            and {{ dbt.dateadd('month', 12, 'before.month') }} = today.month
    group by cast({{ dbt.dateadd('month', 12, 'before.month') }} as date)

)

select
    mrr.month,
    mrr.nrr_trailing_12m,
    mrr.grr_trailing_12m,
    kept.mrr_then,
    kept.mrr_today,
    kept.kept_mrr

from {{ ref('rpt_mrr') }} as mrr
left join kept
    on mrr.month = kept.month
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
        -- a double has sixteen digits, so what it may be off grows with the amounts
        abs(mrr.nrr_trailing_12m * kept.mrr_then - kept.mrr_today)
        > 1e-12 * greatest(kept.mrr_then, kept.mrr_today)
        or abs(mrr.grr_trailing_12m * kept.mrr_then - kept.kept_mrr) > 1e-12 * kept.mrr_then
        or (mrr.nrr_trailing_12m is null) <> (kept.month is null)
    )
