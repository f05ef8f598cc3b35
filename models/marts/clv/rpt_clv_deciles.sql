with

histories as (

    select * from {{ ref('int_purchases_aggregated_to_histories') }}
    where trained_on = 'calibration'

),

scores as (

    select * from {{ ref('int_histories_scored') }}
    where trained_on = 'calibration'

),

champion as (

    select * from {{ ref('int_clv_models_compared') }}
    where is_champion

),

ranked as (

    select
        scores.model,
        scores.p_alive,
        scores.expected_in_holdout,
        histories.later_purchases,
        -- ids that count up tell when a customer came, which must not rank those who are alike
        ntile(10) over (
            partition by scores.model
            order by scores.p_alive, {{ dbt.hash('histories.customer_id') }}
        ) as decile

    from histories
    inner join scores
        on
            histories.frequency = scores.frequency
            and histories.recency_days = scores.recency_days
            and histories.age_days = scores.age_days

),

deciles as (

    select
        model,
        decile,
        count(*) as customers,
        -- sums of decimals: the same in whatever order
        sum(cast(p_alive as decimal(38, 12))) as p_alive,
        sum(cast(expected_in_holdout as decimal(38, 12))) as predicted_purchases,
        sum(later_purchases) as actual_purchases,
        sum(case when later_purchases > 0 then 1 else 0 end) as buyers

    from ranked
    group by model, decile

)

select
    deciles.model,
    cast(deciles.decile as bigint) as decile,
    cast(deciles.customers as bigint) as customers,
    {{ safe_divide('deciles.p_alive', 'deciles.customers') }} as mean_p_alive,
    cast(deciles.predicted_purchases as double) as predicted_purchases,
    cast(deciles.actual_purchases as bigint) as actual_purchases,
    cast(deciles.buyers as bigint) as buyers,
    {{ safe_divide('deciles.buyers', 'deciles.customers') }} as buyer_rate,
    {{ wilson_low('deciles.buyers', 'deciles.customers') }} as buyer_ci_low,
    {{ wilson_high('deciles.buyers', 'deciles.customers') }} as buyer_ci_high,
    champion.model is not null as is_champion

from deciles
left join champion
    on deciles.model = champion.model
