with

horizons as (
    {%- for days in [1, 7, 14, 30] %}

    {{ 'union all' if not loop.first }}

    select
        segment_name,
        segment_value,
        cohort_start,
        milestone,
        customers,
        reached_customers,
        median_days,
        {{ days }} as days,
        mature_customers_{{ days }}d as mature_customers,
        reached_customers_{{ days }}d as reached_within,
        reached_rate_{{ days }}d as reached_rate

    from {{ ref('rpt_onboarding') }}
    {%- endfor %}

),

compared as (

    select
        *,
        {{ safe_divide('reached_within', 'customers') }} as known_share,
        lag(reached_rate) over a_cohort as shorter_rate,
        lag(reached_within) over a_cohort as shorter_reached

    from horizons
    window a_cohort as (
        partition by segment_name, segment_value, cohort_start, milestone order by days
    )

)

select *
from compared
where
    reached_within > reached_customers
    or reached_customers > customers
    or mature_customers > customers
    -- No estimate is below what is known already.
    or reached_rate < known_share - 1e-9
    or (
        mature_customers = customers
        and (reached_rate is null or abs(reached_rate - known_share) > 1e-9)
    )
    -- Who reaches it within a time reaches it within a longer one.
    or reached_rate < shorter_rate - 1e-9
    or reached_within < shorter_reached
    -- The median is where the share comes to half.
    or (reached_rate > 0.5 + 1e-9 and coalesce(median_days > days, true))
    or (reached_rate < 0.5 - 1e-9 and median_days <= days)
    or (median_days is not null and reached_customers = 0)
