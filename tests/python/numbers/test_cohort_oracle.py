"""Cohorts, retention and the journey, counted again in plain Python and compared cell by cell.

Every column of every grain and segment of these marts must be what the oracles say. `make test`
tries a few shops in each of three timezones, and `make torture` tries hundreds.
"""

from dataclasses import asdict
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from journey_oracle import JourneyOracle
from loyalty_oracle import LoyaltyOracle
from onboarding_oracle import OnboardingOracle
from shops.accounts import as_one
from shops.landing_zone import plainly
from shops.oracle import NOTHING, SEGMENT, Calendar, check_marts
from shops.random_shops import EdgeShop
from voice_oracle import VoiceOracle

pytestmark = pytest.mark.filterwarnings("ignore:The confidence interval is undefined")

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
ONBOARDING_KEYS = {
    "journey.rpt_onboarding": [*SEGMENT, "period_grain", "cohort_start", "milestone"],
    "journey.rpt_onboarding_retention": [*SEGMENT, "milestone", "horizon_days"],
    "journey.rpt_referrals": [*SEGMENT, "period_grain", "period_start"],
}
VOICE_KEYS = {
    "plays.rpt_feedback": [*SEGMENT, "period_grain", "period_start"],
    "plays.rpt_support": ["period_grain", "period_start", "channel"],
    "plays.rpt_support_churn": ["period_grain", "period_start", "speed_band"],
    "plays.rpt_carts": [*SEGMENT, "month"],
}
# The oracle takes the segments of each customer, and why a spell ended, from these marts.
MARTS = [
    *("core.dim_customers", "core.fct_subscription_spells"),
    *(*KEYS, *LOYALTY_KEYS, *ONBOARDING_KEYS, *VOICE_KEYS),
]
MODELS = [f"+{mart.split('.')[1]}" for mart in MARTS]

USUAL_JOURNEY = {"new_customer_days": 30, "at_risk_days": 60, "lost_days": 365}


@pytest.mark.parametrize(
    "timezone, order_lapse_days, reactivation_gap_days, calendar, subscriptions_observed_from,"
    " journey, loyalty, policy",
    [
        ("UTC", 90, 0, Calendar(), "", USUAL_JOURNEY, {}, {}),
        (
            *("America/New_York", 90, 0, Calendar("sunday", "april"), "2024-07-01"),
            {"new_customer_days": 5, "at_risk_days": 7, "lost_days": 100},
            {"rfm_window_months": 5},
            {"churn_dated_on": "cancel_request", "switch_gap_hours": 0},
        ),
        (
            *("Asia/Kolkata", 30, 7, Calendar("saturday", "february"), "2024-09-11"),
            USUAL_JOURNEY,
            {"rfm_window_months": 9},
            {"past_due_pays": False},
        ),
    ],
)
# A shop in each timezone, in `make test`.
@settings(max_examples=max(1, settings().max_examples // 3))
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
    loyalty,
    policy,
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
        "landmark_days": order_lapse_days // 2,
        "referral_reward": 12.5,
        **asdict(calendar),
        **journey,
        **loyalty,
        **policy,
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
    landmark_days = order_lapse_days // 2
    loyalty_oracle = LoyaltyOracle(oracle, shop, landmark_days=landmark_days, **loyalty)
    check_marts(loyalty_oracle, found, LOYALTY_KEYS)
    accounts = as_one(shop, oracle.as_of_at)
    onboarding = OnboardingOracle(
        accounts, found["core.dim_customers"], oracle, landmark_days, 12.5
    )
    check_marts(onboarding, found, ONBOARDING_KEYS)
    check_marts(VoiceOracle(accounts, found["core.dim_customers"], oracle), found, VOICE_KEYS)
    brought = onboarding.brought()
    assert {
        row["customer_id"]: (row["referred_customers"], row["referred_net_revenue"])
        for row in found["core.dim_customers"]
    } == {
        row["customer_id"]: brought.get(row["customer_id"], (0, NOTHING))
        for row in found["core.dim_customers"]
    }
