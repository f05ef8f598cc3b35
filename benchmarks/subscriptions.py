"""The churn marts against the floor: `python -m benchmarks.subscriptions [subscriptions]`.

Makes so many subscriptions (default 200,000; seeded) with three times as many versions over ten
years, runs the models from the staged versions to the published churn marts, runs
benchmarks/floor/month_end_mrr.sql on the same staged versions with the same threads, and prints the
medians of the seconds and their ratio. The floor counts only if its recurring revenue is that of
rpt_mrr, to the cent. Writes only into a temporary folder.
"""

import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks.common import ROUNDS, dbt, floor, open_warehouse, print_seconds, report, write_raw

MODELS = (
    "int_subscription_versions_bounded",
    "int_subscription_ends_explained",
    "int_subscriptions_aggregated_to_customer_months",
    "int_subscriptions_merged_to_spells",
    "dim_customers",
    "fct_subscription_spells",
    "fct_mrr_movements",
    "rpt_mrr",
    "rpt_subscription_survival",
    "rpt_churn_reasons",
    "rpt_trials",
)
COHORTS = "rpt_subscription_cohorts"

# One to five versions a subscription, spread over its life as far as the end of 2024. Between the
# first and the last it is upgraded, gets more units, is paused, falls behind, and is active again.
# Who leaves says so within the last period that is paid. A third of the customers have two.
VERSIONS = """
with

subscriptions as materialized (

    select
        range as number,
        timestamp '2015-01-01' + to_seconds(floor(random() * 3650 * 86400)::bigint) as started_at,
        -ln(1 - random()) * 700 as lifetime_days,
        ['month', 'month', 'month', 'month', 'month', 'month', 'year', 'year', 'year', 'week'][
            1 + floor(random() * 10)::int
        ] as billing_interval,
        1 + floor(random() * 3)::int as tier,
        random() < 0.3 as has_trial,
        ['too expensive', 'not using it', 'card_expired', 'competitor', 'went sailing', null][
            1 + floor(random() * 6)::int
        ] as cancel_reason,
        1 + range % 5 as versions
    from range({subscriptions})

),

versions as (

    select
        *,
        unnest(range(versions)) as version,
        random() as draw,
        started_at + to_seconds((lifetime_days * 86400)::bigint) as lost_at,
        lost_at < timestamp '2025-01-01' as is_lost
    from subscriptions

),

dated as (

    select
        *,
        is_lost and version > 0 and version = versions - 1 as is_last,
        started_at + to_seconds(
            (
                epoch(least(lost_at, timestamp '2025-01-01') - started_at) * version / versions
            )::bigint
        ) as changed_at
    from versions

)

select
    's' || number as subscription_id,
    'c' || number % ({subscriptions} * 3 // 4) as customer_id,
    billing_interval || '-' || tier as plan_id,
    case
        when is_last then 'canceled'
        when version = 0 and has_trial then 'trialing'
        when version % 2 = 0 or draw < 0.6 then 'active'
        when draw < 0.8 then 'past_due'
        else 'paused'
    end as status,
    case billing_interval when 'month' then 19.9 when 'year' then 199.0 else 5.9 end
        * (tier + version // 2) as amount,
    billing_interval,
    1 + (version > 0 and draw < 0.2)::int as quantity,
    started_at,
    case when has_trial then started_at + interval 14 day end as trial_ends_at,
    case
        when is_last
            then greatest(
                changed_at,
                lost_at - to_seconds(
                    (
                        draw * 86400
                        * case billing_interval when 'month' then 30 when 'year' then 365 else 7 end
                    )::bigint
                )
            )
        else changed_at
    end as effective_at,
    case when is_last then effective_at end as cancel_requested_at,
    case when is_last then lost_at end as current_period_ends_at,
    case when is_lost and versions = 1 then lost_at end as ended_at,
    case when is_lost and version = versions - 1 then cancel_reason end as cancel_reason
from dated
"""

SAME_REVENUE = """
select month, closing_mrr, customers_at_end, new_customers, reactivated_customers, churned_customers
from warehouse.churn.rpt_mrr
where segment_name = 'all'

except

select
    month,
    sum(closing_mrr),
    count(*) filter (closing_mrr > 0),
    count(*) filter (movement = 'new'),
    count(*) filter (movement = 'reactivation'),
    count(*) filter (movement = 'churn')
from month_end_mrr
group by month
"""


def main() -> None:
    """Measure and print."""
    subscriptions = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as folder:
        home, raw = Path(folder) / "home", Path(folder) / "raw"
        write_raw(
            raw / "subscriptions" / "subscriptions.parquet",
            VERSIONS.format(subscriptions=subscriptions),
        )
        dbt(home, raw, "seed")
        dbt(home, raw, "run", "--select", *(f"+{name}" for name in (*MODELS, COHORTS)))
        models, cohorts, floors = [], [], []
        for _ in range(ROUNDS):
            seconds = dbt(home, raw, "run", "--select", *MODELS, COHORTS)
            cohorts.append(seconds.pop(COHORTS))
            models.append(seconds)
            with open_warehouse(home) as connection:
                floors.append(floor(connection, "month_end_mrr"))
                check(connection)
    report(models, floors, f"{subscriptions:,} subscriptions")
    print_seconds(f"{COHORTS}, not in it", cohorts)


def check(connection: duckdb.DuckDBPyConnection) -> None:
    """Stop unless the floor has the recurring revenue and the movements of rpt_mrr."""
    differing = connection.execute(SAME_REVENUE).fetchall()
    if differing:
        sys.exit(f"the floor differs from rpt_mrr in {len(differing)} months")


if __name__ == "__main__":
    main()
