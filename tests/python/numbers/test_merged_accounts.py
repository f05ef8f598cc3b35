"""A shop that merged accounts, against the same shop whose customers had one account each.

Every published table but those of meta must be the same: nobody is lost and nobody is new by a
merge. Random merges make chains, circles, merges after as_of, and merges into unknown accounts.
"""

import random
from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops.accounts import ADA, Accounts, as_one
from shops.landing_zone import plainly
from shops.oracle import in_utc
from shops.random_shops import ChangingShop, EdgeShop

ZONE = ZoneInfo("America/New_York")
CUSTOMERS = 14


def enriched(shop, seed):
    """The shop with more of what a merge brings together: sign-ups, referrals, milestones."""
    chance = random.Random(f"{seed} more")
    ids = [f"c{number:02}" for number in range(CUSTOMERS)]

    def moment():
        return datetime(2023, 12, 1) + timedelta(days=chance.randrange(500), seconds=7)

    for row in shop["customers"]:
        row |= {
            "signed_up_at": chance.choice([None, moment()]),
            "loyalty_joined_at": chance.choice([None, moment()]),
            "referred_by_customer_id": chance.choice([None, *ids]),
        }
    shop["milestones"] = [
        {
            "customer_id": chance.choice(ids),
            "milestone": chance.choice(["first login", "first project"]),
            "reached_at": moment(),
        }
        for _ in range(20)
    ]
    return shop


def marts(warehouse, tables, as_of):
    """The hash of every published table but those of meta, and the referrals and milestones."""
    variables = {"reporting_timezone": ZONE.key, "as_of_date": as_of.isoformat()}
    warehouse.fill(plainly(tables), variables=variables)
    names = warehouse.query(
        "select schema_name || '.' || table_name from duckdb_tables()"
        " where schema_name in ('core', 'cohorts', 'churn', 'clv', 'journey')"
    )
    found = warehouse.fingerprints(sorted(name for (name,) in names))
    return found | {
        "counted accounts": warehouse.query(
            "select * exclude (account_id) from intermediate.int_customers_assessed"
            " where is_counted order by all"
        ),
        "milestones": warehouse.query(
            "select distinct customer_id, milestone, reached_on, is_counted"
            " from intermediate.int_milestones_assessed order by all"
        ),
    }


def compare(warehouse, tables, as_of):
    as_of_at = in_utc(as_of, time(0), ZONE)
    found = marts(warehouse, tables, as_of)
    [(merged,)] = warehouse.query(
        "select count(*) from intermediate.int_accounts_merged where not_applied_reason is null"
    )
    accounts = Accounts(tables["customers"], as_of_at)
    assert merged == sum(accounts.owner(account) != account for account in accounts.merged)
    expected = marts(warehouse, as_one(tables, as_of_at), as_of)
    assert len(expected) >= 20
    assert [name for name in expected if found[name] != expected[name]] == []
    return merged


# Each example builds two shops whole.
@settings(max_examples=max(1, settings().max_examples // 3))
@given(seed=st.integers(0, 2**64), as_of=st.sampled_from(EdgeShop.AS_OF))
def test_merged_accounts_are_one_customer(warehouse, seed, as_of):
    shop = EdgeShop(seed, CUSTOMERS, "orders and subscriptions", ZONE).tables
    compare(warehouse, enriched(shop, seed), as_of)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.torture)])
def test_subscriptions_of_merged_accounts_are_those_of_one_customer(warehouse, seed):
    """Subscriptions of many versions: switches between accounts, and spells that overlap."""
    as_of = date(2025, 11, 18)
    shop = ChangingShop(seed, 200, ZONE, as_of).tables
    assert compare(warehouse, shop, as_of) > 20


def test_random_merges_hold_every_hard_case():
    as_of = date(2025, 11, 18)
    found = Counter()
    for seed in range(5):
        rows = ChangingShop(seed, 200, ZONE, as_of).tables["customers"]
        accounts = Accounts(rows, in_utc(as_of, time(0), ZONE))
        known = {row["customer_id"] for row in rows}
        for row in rows:
            if row["merged_into_customer_id"]:
                account = row["customer_id"]
                links = len(accounts.path(account)[0])
                found["chain of three"] += links >= 3
                found["circle"] += account in accounts.merged and links == 0
                found["merge to come"] += account not in accounts.merged
                found["unknown time"] += not row["merged_at"] and not row["updated_at"]
                found["unknown survivor"] += accounts.owner(account) not in known
    assert len(found) == 5 and min(found.values()) >= 2, found


# --- A worked example -----------------------------------------------------------------------------


def story(warehouse, as_of):
    """What is told of Ada by that day."""
    warehouse.fill(plainly(ADA), variables={"as_of_date": as_of})
    return {
        "customers": warehouse.query(
            "select customer_id, lifetime_orders from core.dim_customers order by all"
        ),
        "order numbers": warehouse.query(
            "select customer_id, order_number from core.fct_orders order by order_id"
        ),
        "cohort": warehouse.query(
            "select distinct cohort_customers from cohorts.rpt_order_cohorts"
            " where segment_name = 'all' and period_grain = 'month'"
        ),
        "spells": warehouse.query(
            "select customer_id, started_on, ended_on from core.fct_subscription_spells"
        ),
        "mrr": warehouse.query(
            "select sum(new_mrr), sum(churned_mrr) from churn.rpt_mrr where segment_name = 'all'"
        ),
        "retention": warehouse.query(
            "select sum(new_customers), sum(lost_customers + lost_newcomers)"
            " from churn.rpt_retention_rates where segment_name = 'all'"
            " and period_grain = 'month' and basis = 'subscriptions'"
        ),
    }


def test_a_merge_is_no_churn_and_brings_no_new_customer(warehouse):
    assert story(warehouse, "2024-09-01") == {
        "customers": [("b", 2)],
        "order numbers": [("b", 1), ("b", 2)],
        "cohort": [(1,)],
        "spells": [("b", date(2024, 2, 1), None)],
        "mrr": [(30, 0)],
        "retention": [(1, 0)],
    }


def test_before_the_merge_there_are_two_customers(warehouse):
    """The merge is dated on as_of itself, so it has not happened yet."""
    assert story(warehouse, "2024-06-15") == {
        "customers": [("a", 1), ("b", 1)],
        "order numbers": [("a", 1), ("b", 1)],
        "cohort": [(2,)],
        "spells": [("a", date(2024, 2, 1), None)],
        "mrr": [(30, 0)],
        "retention": [(1, 0)],
    }
    assert warehouse.query(
        "select outcome, reason, records from meta.row_outcomes where table_name = 'customers'"
    ) == [("counted", "merged after as_of: the account stays as it was", 1)]
