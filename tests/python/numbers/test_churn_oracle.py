"""Recurring revenue, churn reasons, trials and survival, compared with a second count.

Every column of six marts must be what the oracle says. `make test` tries five large shops, each
with another timezone and policy. `make torture` tries many shops of each kind.
"""

from collections import Counter
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from churn_oracle import ChurnOracle
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from shops.oracle import DAY, SEGMENT, check_marts
from shops.random_shops import ChangingShop

from hard_cases import HARD_CASES, count_hard_cases

pytestmark = pytest.mark.filterwarnings("ignore:The confidence interval is undefined")

# Marts with a row per customer come first, so that a difference names the customer.
KEYS = {
    "core.fct_subscription_spells": ["customer_id", "spell_number"],
    "churn.fct_mrr_movements": ["customer_id", "month"],
    "churn.rpt_churn_reasons": ["month", "reason", "is_voluntary"],
    "churn.rpt_trials": [*SEGMENT, "month"],
    "churn.rpt_mrr": [*SEGMENT, "month"],
    "churn.rpt_subscription_survival": [*SEGMENT, "time_unit", "duration"],
}

MODELS = [f"+{mart.split('.')[1]}" for mart in KEYS]

# (timezone, as_of, policy): at the start of a month and within a month; each var has both values.
# The first day on which ends were recorded is given as the days between it and as_of.
CASES = {
    "defaults": ("UTC", date(2026, 1, 1), {}),
    "on the request": (
        "America/New_York",
        date(2025, 11, 18),
        {"churn_dated_on": "cancel_request", "switch_gap_hours": 72},
    ),
    "east": (
        "Asia/Kolkata",
        date(2025, 7, 1),
        {
            "past_due_pays": False,
            "reactivation_gap_days": 7,
            "date_only_ends": "last_day_of_service",
        },
    ),
    "list price": (
        "America/New_York",
        date(2025, 12, 31),
        {
            "recurring_discount_counts": False,
            "nrr_includes_reactivation": True,
            "subscriptions_observed_from": 130,
        },
    ),
    "all others": (
        "Pacific/Auckland",
        date(2025, 9, 2),
        {
            "churn_dated_on": "cancel_request",
            "past_due_pays": False,
            "recurring_discount_counts": False,
            "nrr_includes_reactivation": True,
            "reactivation_gap_days": 7,
            "subscriptions_observed_from": 31,
            "switch_gap_hours": 0,
        },
    ),
}
CUSTOMERS = 200


def circumstances(case, days_earlier=0):
    """(zone, as_of, policy) of a case, with all dates so many days earlier."""
    timezone, as_of, policy = CASES[case]
    as_of -= days_earlier * DAY
    if days := policy.get("subscriptions_observed_from"):
        policy = policy | {"subscriptions_observed_from": (as_of - days * DAY).isoformat()}
    return ZoneInfo(timezone), as_of, policy


@pytest.mark.parametrize("case", CASES)
# The simplest example comes first and is a large shop: `make test` tries that one. Nothing is
# shrunk, since the rows of a customer are the same in a small shop.
@settings(max_examples=max(1, settings().max_examples // len(CASES)), phases=[Phase.generate])
@given(
    seed=st.integers(0, 2**64),
    customers=st.integers(0, CUSTOMERS - 2).map(lambda fewer: CUSTOMERS - fewer),
    days_earlier=st.integers(0, 800),
)
def test_every_number_is_what_the_oracle_counts(warehouse, case, seed, customers, days_earlier):
    zone, as_of, policy = circumstances(case, days_earlier)
    shop = ChangingShop(f"{case} {seed}", customers, zone, as_of)
    variables = {"reporting_timezone": zone.key, "as_of_date": as_of.isoformat(), **policy}
    warehouse.fill(shop.files, "--select", *MODELS, variables=variables)
    check_marts(ChurnOracle(shop.tables, zone, as_of, **policy), warehouse.tables(KEYS), KEYS)


# Half a minute, for what only a change of the shops can break.
@pytest.mark.torture
def test_the_shops_hold_every_hard_case():
    found = Counter()
    for case in CASES:
        zone, as_of, policy = circumstances(case)
        shop = ChangingShop(f"{case} 0", CUSTOMERS, zone, as_of)
        found.update(count_hard_cases(shop, ChurnOracle(shop.tables, zone, as_of, **policy)))
    names = [name for cases in HARD_CASES.values() for name in cases]
    assert not {name: found[name] for name in names if found[name] < 5}
