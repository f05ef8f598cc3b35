with

running_spells as (

    select * from {{ ref('int_spells_counted_in_intervals') }}
    where not is_ended

),

renewal_scores as (

    select * from {{ ref('int_renewals_scored') }}

),

customer_months as (

    select * from {{ ref('int_subscriptions_aggregated_to_customer_months') }}

),

last_month as (

    select max(month) as month from {{ ref('int_months_spined') }}

),

-- A subscription that has been set to end will not be renewed, so only committed revenue counts.
committed_revenue as (

    select
        customer_months.customer_id,
        customer_months.committed_mrr

    from customer_months
    inner join last_month
        on customer_months.month = last_month.month

),

-- The prediction for the customer's own billing interval comes first. Where its fit failed, the
-- prediction for all intervals together stands in.
lifetimes as (

    select
        running_spells.customer_id,
        coalesce(
            max(
                case
                    when running_spells.billing_interval <> 'all'
                        then
                            running_spells.months_per_interval
                            * renewal_scores.discounted_intervals
                end
            ),
            max(
                case
                    when running_spells.billing_interval = 'all'
                        then renewal_scores.discounted_intervals
                end
            )
        ) as discounted_months,
        max(
            'renewals are not predicted (shifted_beta_geometric): ' || renewal_scores.reason
        ) as reason

    from running_spells
    left join renewal_scores
        on
            running_spells.billing_interval = renewal_scores.billing_interval
            and running_spells.renewals = renewal_scores.renewals
    group by running_spells.customer_id

),

valued as (

    select
        lifetimes.customer_id,
        lifetimes.reason,
        lifetimes.discounted_months * coalesce(committed_revenue.committed_mrr, 0)
        * {{ var('gross_margin') }} as predicted_subscription_value

    from lifetimes
    left join committed_revenue
        on lifetimes.customer_id = committed_revenue.customer_id

)

select
    customer_id,
    {{ round_to_cent('predicted_subscription_value') }} as predicted_subscription_value,
    case when predicted_subscription_value is null then reason end as unscored_reason

from valued
