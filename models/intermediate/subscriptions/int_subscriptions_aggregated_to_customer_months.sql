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

    select * from {{ ref('int_subscription_versions_priced') }}
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
        -- versions of one subscription never overlap
        count(*) as subscriptions

    from paying
    inner join months
        on
            paying.pays_from < months.state_at
            and (paying.pays_to is null or paying.pays_to >= months.state_at)
    group by paying.customer_id, months.month_number

),

in_sequence as (

    select
        *,
        lag(month_number) over a_customer as previous_month_number,
        lag(mrr) over a_customer as previous_mrr,
        lag(subscriptions) over a_customer as previous_subscriptions,
        lead(month_number) over a_customer as next_month_number,
        sum(mrr) over (
            partition by customer_id
            order by month_number
            range between 12 preceding and 12 preceding
        ) as mrr_12_months_ago

    from month_ends
    window a_customer as (partition by customer_id order by month_number)

),

with_revenue as (

    select
        customer_id,
        month_number,
        case when previous_month_number = month_number - 1 then previous_mrr else 0 end
            as opening_mrr,
        mrr as closing_mrr,
        committed_mrr,
        coalesce(mrr_12_months_ago, 0) as mrr_12_months_ago,
        case when previous_month_number = month_number - 1 then previous_subscriptions else 0 end
            as subscriptions_before,
        subscriptions as subscriptions_after,
        case
            when previous_month_number is null then 'new'
            when previous_month_number < month_number - 1 then 'reactivation'
            when mrr > previous_mrr then 'expansion'
            when mrr < previous_mrr then 'contraction'
            else 'none'
        end as movement

    from in_sequence

),

-- the month after the last month end with revenue; the one after the running month is not there yet
churned as (

    select
        customer_id,
        month_number + 1 as month_number,
        mrr as opening_mrr,
        0 as closing_mrr,
        0 as committed_mrr,
        0 as mrr_12_months_ago,
        subscriptions as subscriptions_before,
        0 as subscriptions_after,
        'churn' as movement

    from in_sequence
    where next_month_number is null or next_month_number > month_number + 1

),

between_month_ends as (

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

short_lived as (

    select
        between_month_ends.customer_id,
        between_month_ends.month_number,
        0 as opening_mrr,
        0 as closing_mrr,
        0 as committed_mrr,
        0 as mrr_12_months_ago,
        0 as subscriptions_before,
        0 as subscriptions_after,
        'none' as movement

    from between_month_ends
    left join month_ends
        on
            between_month_ends.customer_id = month_ends.customer_id
            and month_ends.month_number
            between between_month_ends.month_number - 1 and between_month_ends.month_number
    where month_ends.customer_id is null

),

customer_months as (

    select * from with_revenue

    union all

    select * from churned

    union all

    select * from short_lived

),

with_change as (

    select
        *,
        closing_mrr - opening_mrr as change

    from customer_months

)

select
    with_change.customer_id,
    with_change.movement,
    cast(with_change.opening_mrr as decimal(18, 2)) as opening_mrr,
    cast(
        case with_change.movement when 'new' then with_change.change else 0 end as decimal(18, 2)
    ) as new_mrr,
    cast(
        case with_change.movement when 'reactivation' then with_change.change else 0 end
        as decimal(18, 2)
    ) as reactivation_mrr,
    cast(
        case with_change.movement when 'expansion' then with_change.change else 0 end
        as decimal(18, 2)
    ) as expansion_mrr,
    cast(
        case with_change.movement when 'contraction' then -with_change.change else 0 end
        as decimal(18, 2)
    ) as contraction_mrr,
    cast(
        case with_change.movement when 'churn' then -with_change.change else 0 end
        as decimal(18, 2)
    ) as churned_mrr,
    cast(with_change.closing_mrr as decimal(18, 2)) as closing_mrr,
    cast(with_change.committed_mrr as decimal(18, 2)) as committed_mrr,
    cast(with_change.mrr_12_months_ago as decimal(18, 2)) as mrr_12_months_ago,
    cast(with_change.subscriptions_before as bigint) as subscriptions_before,
    cast(with_change.subscriptions_after as bigint) as subscriptions_after,
    with_change.opening_mrr = 0 and with_change.closing_mrr = 0 as is_short_lived,
    months.is_complete,
    months.month

from with_change
inner join months
    on with_change.month_number = months.month_number
