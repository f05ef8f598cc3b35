with

scores as (

    select * from {{ ref('int_customers_scored') }}
    where trained_on = 'calibration'

),

champion as (

    select * from {{ ref('int_clv_models_compared') }}
    where is_champion

),

-- Equal chances are ordered by a hash of the id. Many shops number their customers, so the ids
-- themselves would order equal customers by age.
ranked as (

    select
        *,
        ntile(10) over (
            partition by model order by p_alive, {{ dbt.hash('customer_id') }}
        ) as decile

    from scores

),

deciles as (

    select
        model,
        decile,
        count(*) as customers,
        {{ order_free_sum('p_alive', 12) }} as p_alive,
        {{ order_free_sum('expected_in_holdout', 12) }} as predicted_purchases,
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
