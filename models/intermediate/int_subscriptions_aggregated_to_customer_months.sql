with

months as (

    select
        period_number as month_number,
        period_start as month,
        is_complete,
        state_at
    from {{ ref('int_periods_spined') }}
    where period_grain = 'month'

),

paying as (

    select * from {{ ref('int_subscription_versions_bounded') }}
    where is_paying

),

month_ends as (

    -- paying just before the boundary: started before it, not ended before it
    select
        paying.customer_id,
        months.month_number,
        sum(paying.mrr) as mrr,
        sum(case when paying.set_to_end_at < months.state_at then 0 else paying.mrr end)
            as committed_mrr,
        count(distinct paying.subscription_id) as subscriptions

    from paying
    inner join months
        on
            paying.pays_from < months.state_at
            and (paying.pays_to is null or paying.pays_to >= months.state_at)
    group by paying.customer_id, months.month_number

),

between_month_ends as (

    select
        paying.customer_id,
        months.month_number

    from paying
    inner join months
        on
            cast({{ dbt.date_trunc('month', local_date('paying.pays_from')) }} as date)
            = months.month
            and paying.pays_to < months.state_at

),

openings_and_closings as (

    -- each month end closes its month and opens the next
    select
        customer_id,
        month_number,
        0 as opening_mrr,
        mrr as closing_mrr,
        committed_mrr,
        0 as subscriptions_before,
        subscriptions as subscriptions_after

    from month_ends

    union all

    select
        customer_id,
        month_number + 1 as month_number,
        mrr as opening_mrr,
        0 as closing_mrr,
        0 as committed_mrr,
        subscriptions as subscriptions_before,
        0 as subscriptions_after

    from month_ends

    union all

    select
        customer_id,
        month_number,
        0 as opening_mrr,
        0 as closing_mrr,
        0 as committed_mrr,
        0 as subscriptions_before,
        0 as subscriptions_after

    from between_month_ends

),

customer_months as (

    select
        customer_id,
        month_number,
        sum(opening_mrr) as opening_mrr,
        sum(closing_mrr) as closing_mrr,
        sum(committed_mrr) as committed_mrr,
        sum(subscriptions_before) as subscriptions_before,
        sum(subscriptions_after) as subscriptions_after

    from openings_and_closings
    group by customer_id, month_number

),

with_history as (

    select
        *,
        closing_mrr - opening_mrr as change,
        opening_mrr = 0 and closing_mrr = 0 as is_short_lived,
        min(case when opening_mrr > 0 or closing_mrr > 0 then month_number end) over (
            partition by customer_id
        ) as first_month_number,
        coalesce(
            sum(closing_mrr) over (
                partition by customer_id
                order by month_number
                range between 12 preceding and 12 preceding
            ),
            0
        ) as mrr_12_months_ago

    from customer_months

),

classified as (

    select
        *,
        case
            when change = 0 then 'none'
            when opening_mrr = 0 and month_number = first_month_number then 'new'
            when opening_mrr = 0 then 'reactivation'
            when closing_mrr = 0 then 'churn'
            when change > 0 then 'expansion'
            else 'contraction'
        end as movement

    from with_history

)

select
    classified.customer_id,
    classified.movement,
    cast(classified.opening_mrr as decimal(18, 2)) as opening_mrr,
    cast(
        case classified.movement when 'new' then classified.change else 0 end
        as decimal(18, 2)
    ) as new_mrr,
    cast(
        case classified.movement when 'reactivation' then classified.change else 0 end
        as decimal(18, 2)
    ) as reactivation_mrr,
    cast(
        case classified.movement when 'expansion' then classified.change else 0 end
        as decimal(18, 2)
    ) as expansion_mrr,
    cast(
        case classified.movement when 'contraction' then -classified.change else 0 end
        as decimal(18, 2)
    ) as contraction_mrr,
    cast(
        case classified.movement when 'churn' then -classified.change else 0 end
        as decimal(18, 2)
    ) as churned_mrr,
    cast(classified.closing_mrr as decimal(18, 2)) as closing_mrr,
    cast(classified.committed_mrr as decimal(18, 2)) as committed_mrr,
    cast(classified.mrr_12_months_ago as decimal(18, 2)) as mrr_12_months_ago,
    cast(classified.subscriptions_before as bigint) as subscriptions_before,
    cast(classified.subscriptions_after as bigint) as subscriptions_after,
    classified.is_short_lived,
    months.is_complete,
    months.month

from classified
-- the month after the last month end is not there yet
inner join months
    on classified.month_number = months.month_number
