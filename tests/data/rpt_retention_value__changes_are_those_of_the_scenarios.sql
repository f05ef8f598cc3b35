{#- All amounts are whole cents, so three of them differ by a cent at most. -#}
with

scenarios as (

    select
        *,
        max(case when scenario = 'today' then lifetime_value end) over a_segment as value_today,
        max(case when scenario = 'today' then monthly_churn_rate end) over a_segment as rate_today

    from {{ ref('rpt_retention_value') }}
    window a_segment as (partition by segment_name, segment_value)

)

select
    segment_name,
    segment_value,
    scenario,
    lifetime_value,
    value_today,
    change_in_lifetime_value

from scenarios
where
    (change_in_lifetime_value is null) <> (lifetime_value is null or value_today is null)
    or abs(change_in_lifetime_value - (lifetime_value - value_today))
    > 0.01 + 1e-15 * greatest(lifetime_value, value_today)
    -- A price moves the value by its own share, and retention as the churn rate falls.
    or (
        scenario like 'price%'
        and abs(
            change_in_lifetime_value
            - value_today * case when scenario = 'price +1 %' then 0.01 else 0.1 end
        ) > 0.01 + 1e-14 * value_today
    )
    or (
        scenario like 'retention%'
        and abs(lifetime_value * monthly_churn_rate - value_today * rate_today)
        > 0.01 + 1e-12 * value_today * rate_today
    )
