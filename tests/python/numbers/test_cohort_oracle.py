"""Cohorts, retention and stages, counted a second time in plain Python and compared cell by cell.

Every column of every grain and segment of seven marts must be what the oracle says. `make test`
tries a few shops in each of three timezones, and `make torture` tries hundreds.
"""

from dataclasses import asdict
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from journey_oracle import JourneyOracle
from loyalty_oracle import LoyaltyOracle
from shops.landing_zone import plainly
from shops.oracle import SEGMENT, Calendar, check_marts
from shops.random_shops import EdgeShop

KEYS = {
    "cohorts.rpt_order_cohorts": [*SEGMENT, "period_grain", "cohort_start", "periods_since"],
    "cohorts.rpt_subscription_cohorts": [*SEGMENT, "period_grain", "cohort_start", "periods_since"],
    "cohorts.rpt_repeat_purchase": [*SEGMENT, "period_grain", "cohort_start"],
    "churn.rpt_retention_rates": [*SEGMENT, "basis", "period_grain", "period_start"],
    "journey.fct_stage_changes": ["customer_id", "side", "entered_on"],
    "journey.rpt_stage_flows": [*SEGMENT, "side", "month", "from_stage", "to_stage"],
    "journey.rpt_stages": [*SEGMENT, "side", "stage", "month"],
}
LOYALTY_KEYS = {
    "journey.fct_customer_scores": ["customer_id"],
    "journey.rpt_loyalty_tiers": ["month", "tier"],
    "journey.rpt_loyalty_members": ["period_grain", "cohort_start", "is_member"],
}
# The oracle takes the segments of each customer, and why a spell ended, from these marts.
MARTS = ["core.dim_customers", "core.fct_subscription_spells", *KEYS, *LOYALTY_KEYS]
MODELS = [f"+{mart.split('.')[1]}" for mart in MARTS]

USUAL_JOURNEY = {"new_customer_days": 30, "at_risk_days": 60, "lost_days": 365}


@pytest.mark.parametrize(
    "timezone, order_lapse_days, reactivation_gap_days, calendar, subscriptions_observed_from,"
    " journey, policy, loyalty",
    [
        ("UTC", 90, 0, Calendar(), "", USUAL_JOURNEY, {}, {}),
        (
            *("America/New_York", 90, 0, Calendar("sunday", "april"), "2024-07-01"),
            {"new_customer_days": 5, "at_risk_days": 7, "lost_days": 100},
            {"churn_dated_on": "cancel_request", "switch_gap_hours": 0},
            {"rfm_window_months": 5},
        ),
        (
            *("Asia/Kolkata", 30, 7, Calendar("saturday", "february"), "2024-09-11"),
            USUAL_JOURNEY,
            {"past_due_pays": False},
            {"rfm_window_months": 9, "landmark_days": 45},
        ),
    ],
)
@given(
    seed=st.integers(0, 2**64),
    customers=st.integers(2, 14) | st.just(14) | st.just(14),
    sells=st.sampled_from([*["orders and subscriptions"] * 4, "orders", "subscriptions"]),
    as_of=st.sampled_from(EdgeShop.AS_OF),
)
def test_every_cell_is_what_the_oracle_counts(
    warehouse,
    timezone,
    order_lapse_days,
    reactivation_gap_days,
    calendar,
    subscriptions_observed_from,
    journey,
    policy,
    loyalty,
    seed,
    customers,
    sells,
    as_of,
):
    zone = ZoneInfo(timezone)
    shop = EdgeShop(seed, customers, sells, zone).tables
    assume(shop["orders"] or shop["subscriptions"])
    variables = {
        "reporting_timezone": timezone,
        "as_of_date": as_of.isoformat(),
        "order_lapse_days": order_lapse_days,
        "reactivation_gap_days": reactivation_gap_days,
        "subscriptions_observed_from": subscriptions_observed_from,
        **asdict(calendar),
        **journey,
        **policy,
        **loyalty,
    }
    warehouse.fill(plainly(shop), "--select", *MODELS, variables=variables)
    found = warehouse.tables(MARTS)
    oracle = JourneyOracle(
        shop,
        found,
        zone,
        as_of,
        order_lapse_days,
        reactivation_gap_days,
        calendar,
        subscriptions_observed_from,
        journey=journey,
        **policy,
    )
    check_marts(oracle, found, KEYS)
    check_marts(LoyaltyOracle(oracle, shop, **loyalty), found, LOYALTY_KEYS)
