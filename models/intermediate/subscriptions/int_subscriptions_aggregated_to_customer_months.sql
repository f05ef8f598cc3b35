with

months as (

    select * from {{ ref('int_months_spined') }}

),

month_ends as (

    select * from {{ ref('int_subscriptions_aggregated_to_month_ends') }}

),

paying as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where is_paying

),

-- Month numbers have no gap, so a window that reaches exactly one month back finds that month end.
-- It is empty, and the value NULL, when the customer did not pay then.
in_sequence as (

    select
        *,
        first_value(plans) over the_month_before as plans_before,
        first_value(mrr) over the_month_before as mrr_before,
        first_value(subscriptions) over the_month_before as subscriptions_before,
        first_value(quantity) over the_month_before as quantity_before,
        first_value(mrr) over (
            partition by customer_id
            order by month_number
            range between 12 preceding and 12 preceding
        ) as mrr_12_months_ago,
        row_number() over a_customer as month_end_number,
        lead(month_number) over a_customer as next_month_number

    from month_ends
    window
        a_customer as (partition by customer_id order by month_number),
        the_month_before as (
            partition by customer_id
            order by month_number
            range between 1 preceding and 1 preceding
        )

),

with_revenue as (

    select
        customer_id,
        month_number,
        case
            when month_end_number = 1 then 'new'
            when mrr_before is null then 'reactivation'
            when mrr > mrr_before then 'expansion'
            when mrr < mrr_before then 'contraction'
            else 'none'
        end as movement,
        plans_before,
        plans as plans_after,
        coalesce(mrr_before, 0) as opening_mrr,
        mrr as closing_mrr,
        committed_mrr,
        coalesce(mrr_12_months_ago, 0) as mrr_12_months_ago,
        coalesce(subscriptions_before, 0) as subscriptions_before,
        subscriptions as subscriptions_after,
        coalesce(quantity_before, 0) as quantity_before,
        quantity as quantity_after

    from in_sequence

),

-- Churn falls in the month after a month end with revenue, when the next month end has none. The
-- month after the running one is not in the calendar yet: the last join drops it.
churned as (

    select
        customer_id,
        month_number + 1 as month_number,
        'churn' as movement,
        plans as plans_before,
        cast(null as {{ dbt.type_string() }}) as plans_after,
        mrr as opening_mrr,
        0 as closing_mrr,
        0 as committed_mrr,
        0 as mrr_12_months_ago,
        subscriptions as subscriptions_before,
        0 as subscriptions_after,
        quantity as quantity_before,
        0 as quantity_after

    from in_sequence
    where next_month_number is null or next_month_number > month_number + 1

),

began_and_ended as (

    select distinct
        paying.customer_id,
        months.month_number

    from paying
    inner join months
        on
            cast({{ dbt.date_trunc('month', local_date('paying.pays_from')) }} as date)
            = months.month
            and paying.pays_to < months.state_at

),

-- Paid within the month, at neither of its two month ends.
short_lived as (

    select
        began_and_ended.customer_id,
        began_and_ended.month_number,
        'none' as movement,
        cast(null as {{ dbt.type_string() }}) as plans_before,
        cast(null as {{ dbt.type_string() }}) as plans_after,
        0 as opening_mrr,
        0 as closing_mrr,
        0 as committed_mrr,
        0 as mrr_12_months_ago,
        0 as subscriptions_before,
        0 as subscriptions_after,
        0 as quantity_before,
        0 as quantity_after

    from began_and_ended
    left join month_ends
        on
            began_and_ended.customer_id = month_ends.customer_id
            and month_ends.month_number
            between began_and_ended.month_number - 1 and began_and_ended.month_number
    where month_ends.customer_id is null

),

customer_months as (

    select * from with_revenue

    union all

    select * from churned

    union all

    select * from short_lived

),

with_amounts as (

    select
        *,
        case when movement = 'new' then closing_mrr else 0 end as new_mrr,
        case when movement = 'reactivation' then closing_mrr else 0 end as reactivation_mrr,
        case when movement = 'expansion' then closing_mrr - opening_mrr else 0 end as expansion_mrr,
        case when movement = 'contraction' then opening_mrr - closing_mrr else 0 end
            as contraction_mrr,
        case when movement = 'churn' then opening_mrr else 0 end as churned_mrr

    from customer_months

)

select
    with_amounts.customer_id,
    with_amounts.movement,
    with_amounts.plans_before,
    with_amounts.plans_after,
    cast(with_amounts.opening_mrr as decimal(18, 2)) as opening_mrr,
    cast(with_amounts.new_mrr as decimal(18, 2)) as new_mrr,
    cast(with_amounts.reactivation_mrr as decimal(18, 2)) as reactivation_mrr,
    cast(with_amounts.expansion_mrr as decimal(18, 2)) as expansion_mrr,
    cast(with_amounts.contraction_mrr as decimal(18, 2)) as contraction_mrr,
    cast(with_amounts.churned_mrr as decimal(18, 2)) as churned_mrr,
    cast(with_amounts.closing_mrr as decimal(18, 2)) as closing_mrr,
    cast(with_amounts.committed_mrr as decimal(18, 2)) as committed_mrr,
    cast(with_amounts.mrr_12_months_ago as decimal(18, 2)) as mrr_12_months_ago,
    cast(with_amounts.subscriptions_before as bigint) as subscriptions_before,
    cast(with_amounts.subscriptions_after as bigint) as subscriptions_after,
    cast(with_amounts.quantity_before as bigint) as quantity_before,
    cast(with_amounts.quantity_after as bigint) as quantity_after,
    with_amounts.opening_mrr = 0 and with_amounts.closing_mrr = 0 as is_short_lived,
    months.is_complete,
    months.month

from with_amounts
inner join months
    on with_amounts.month_number = months.month_number
