select *
from (
    select
        *,
        row_number() over (order by minimum_spend) as expected_rank
    from {{ ref('loyalty_tiers') }}
) as tiers
where tier_rank <> expected_rank or minimum_spend < 0 or kept_for_months < 0 or tier = '(none)'
