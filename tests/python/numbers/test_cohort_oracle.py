"""Cohorts, retention and voice, counted a second time in plain Python and compared cell by cell.

Every column of every grain and segment of eight marts must be what the oracle says. `make test`
tries a few shops in each of three timezones, and `make torture` tries hundreds.
"""

from dataclasses import asdict
from zoneinfo import ZoneInfo

import pytest
from cohort_oracle import CohortOracle
from hypothesis import assume, given
from hypothesis import strategies as st
from shops.landing_zone import plainly
from shops.oracle import SEGMENT, Calendar, check_marts
from shops.random_shops import EdgeShop
from voice_oracle import VoiceOracle

KEYS = {
    "cohorts.rpt_order_cohorts": [*SEGMENT, "period_grain", "cohort_start", "periods_since"],
    "cohorts.rpt_subscription_cohorts": [*SEGMENT, "period_grain", "cohort_start", "periods_since"],
    "cohorts.rpt_repeat_purchase": [*SEGMENT, "period_grain", "cohort_start"],
    "churn.rpt_retention_rates": [*SEGMENT, "basis", "period_grain", "period_start"],
}
VOICE_KEYS = {
    "plays.rpt_feedback": [*SEGMENT, "period_grain", "period_start"],
    "plays.rpt_support": ["period_grain", "period_start", "channel"],
    "plays.rpt_support_churn": ["period_grain", "period_start", "speed_band"],
    "plays.rpt_carts": [*SEGMENT, "month"],
}
# The oracle takes the segments of each customer from this mart.
MARTS = ["core.dim_customers", *KEYS, *VOICE_KEYS]
MODELS = [f"+{mart.split('.')[1]}" for mart in MARTS]


@pytest.mark.parametrize(
    "timezone, order_lapse_days, reactivation_gap_days, calendar, subscriptions_observed_from",
    [
        ("UTC", 90, 0, Calendar(), ""),
        ("America/New_York", 90, 0, Calendar("sunday", "april"), "2024-07-01"),
        ("Asia/Kolkata", 30, 7, Calendar("saturday", "february"), "2024-09-11"),
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
    }
    warehouse.fill(plainly(shop), "--select", *MODELS, variables=variables)
    found = warehouse.tables(MARTS)
    oracle = CohortOracle(
        shop,
        found["core.dim_customers"],
        zone,
        as_of,
        order_lapse_days,
        reactivation_gap_days,
        calendar,
        subscriptions_observed_from,
    )
    check_marts(oracle, found, KEYS)
    voice = VoiceOracle(shop, found["core.dim_customers"], oracle)
    check_marts(voice, found, VOICE_KEYS)
