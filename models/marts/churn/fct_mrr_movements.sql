with

movements as (

    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}
    where movement <> 'none'

),

months as (

    select
        period_start as month,
        lag(state_at) over (order by period_number) as opened_at,
        state_at
    from {{ ref('int_periods_spined') }}
    where period_grain = 'month'

),

paying as (

    select * from {{ ref('int_subscription_versions_priced') }}
    where is_paying

),

-- the two month ends between which revenue changed
boundaries as (

    select
        movements.customer_id,
        movements.month,
        'before' as side,
        months.opened_at as boundary_at

    from movements
    inner join months
        on movements.month = months.month

    union all

    select
        movements.customer_id,
        movements.month,
        'after' as side,
        months.state_at as boundary_at

    from movements
    inner join months
        on movements.month = months.month

),

-- what the customer paid for just before each of them
paid_for as (

    select
        boundaries.customer_id,
        boundaries.month,
        boundaries.side,
        coalesce(paying.plan_id, '(none)') as plan_id,
        paying.quantity

    from boundaries
    inner join paying
        on
            boundaries.customer_id = paying.customer_id
            and boundaries.boundary_at > paying.pays_from
            and (paying.pays_to is null or boundaries.boundary_at <= paying.pays_to)

),

plans as (

    select
        customer_id,
        month,
        {{ sorted_list("case when side = 'before' then plan_id end") }} as plans_before,
        {{ sorted_list("case when side = 'after' then plan_id end") }} as plans_after,
        sum(case when side = 'before' then quantity else 0 end) as quantity_before,
        sum(case when side = 'after' then quantity else 0 end) as quantity_after

    from paid_for
    group by customer_id, month

)

select
    movements.customer_id,
    movements.movement,
    plans.plans_before,
    plans.plans_after,
    movements.opening_mrr,
    movements.new_mrr,
    movements.reactivation_mrr,
    movements.expansion_mrr,
    movements.contraction_mrr,
    movements.churned_mrr,
    movements.closing_mrr,
    movements.subscriptions_before,
    movements.subscriptions_after,
    cast(plans.quantity_before as bigint) as quantity_before,
    cast(plans.quantity_after as bigint) as quantity_after,
    movements.is_complete,
    movements.month

from movements
-- something was paid for on one side at least
inner join plans
    on
        movements.customer_id = plans.customer_id
        and movements.month = plans.month
