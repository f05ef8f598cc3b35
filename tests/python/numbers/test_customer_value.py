"""What customers are worth: counted a second time from the papers, and tried on odd shops.

test_estimation.py shows that the fits are right. test_cdnow.py and test_published_survival.py show
that published results come out of the marts.
"""

import re
from datetime import date
from decimal import Decimal
from math import isclose
from zoneinfo import ZoneInfo

import pytest
from bad_luck import BUYER, SHOPS, SUBSCRIBER, bought, usual_days
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from shops.landing_zone import plainly
from shops.oracle import SEGMENT, check_marts
from shops.published_shops import AS_OF, survivor_subscriptions
from shops.random_shops import PaperShop
from value_oracle import PARAMETER, SBG, ValueOracle

# They are not the defaults: the published results are compared with the defaults.
VARIABLES = {"clv_horizon_months": 25, "annual_discount_rate": 0.15, "clv_holdout_days": 120}


# Their tests are tried on random shops in test_dated_merges.py, and in every night.
BEFORE_VALUES = [
    f"resource_type:test,path:{folder}"
    for folder in (
        *("seeds", "models/staging", "models/intermediate/calendar"),
        *("models/intermediate/orders", "models/intermediate/subscriptions"),
    )
]


def build(warehouse, tables, variables=None):
    """Fill the warehouse with the marts of the raw rows, and test them as every night does."""
    warehouse.fill(
        plainly(tables),
        *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "seed"),
        # Laws of these marts compare them with the orders.
        *("--select", "+tenure.marts.clv", "+fct_orders", "--exclude", *BEFORE_VALUES),
        *("--indirect-selection", "buildable"),
        command="build",
        variables=VARIABLES | (variables or {}),
    )


# --- The comparison -------------------------------------------------------------------------------

KEYS = {
    "clv.rpt_clv_parameters": PARAMETER,
    "clv.fct_customer_value": ["customer_id"],
    "clv.rpt_clv_calibration": ["model"],
    "clv.rpt_clv_deciles": ["model", "decile"],
    "clv.rpt_clv_by_cohort": [*SEGMENT, "period_grain", "cohort_start"],
    "clv.rpt_retention_value": [*SEGMENT, "scenario"],
}


def is_same(expected, found):
    if isinstance(expected, float) and isinstance(found, Decimal):
        # Rounded to the cent, once.
        return abs(float(found) - expected) <= 0.005 + 1e-9 * abs(expected)
    if isinstance(expected, float) and isinstance(found, float):
        return isclose(expected, found, rel_tol=1e-8, abs_tol=1e-10)
    return type(expected) is type(found) and expected == found


CASES = {
    "utc": ("UTC", date(2025, 10, 1), {}),
    "west": (
        "America/New_York",
        date(2025, 11, 12),
        {"gross_margin": 0.45, "subscriptions_observed_from": "2025-01-11"},
    ),
    "east": ("Asia/Kolkata", date(2025, 8, 29), {"clv_model": "bg_nbd"}),
}


@pytest.mark.parametrize("case", CASES)
@given(seed=st.integers(0, 2**64))
@settings(max_examples=settings().max_examples // len(CASES), phases=[Phase.generate])
def test_every_number_is_what_the_oracle_says(warehouse, case, seed):
    """Each case is a large shop. Nothing is shrunk, since each customer is drawn alone."""
    compare(warehouse, seed, *CASES[case], has_merges=True)


def compare(warehouse, seed, timezone, as_of, policy, has_merges=False):
    """Fill the warehouse with a large shop, compare all its numbers, and return the oracle."""
    zone = ZoneInfo(timezone)
    shop = PaperShop(seed, 600, zone, as_of, has_merges).tables
    variables = {"reporting_timezone": timezone, "as_of_date": as_of.isoformat(), **policy}
    build(warehouse, shop, variables)
    found = warehouse.tables(["core.dim_customers", *KEYS])
    oracle = ValueOracle(shop, found, zone, as_of, VARIABLES | policy)
    check_marts(oracle, found, KEYS, is_same)
    return oracle


@pytest.mark.parametrize(
    "seed, named, failed, champion, scorer",
    [
        (286, "champion", "calibration", "mbg_nbd", "mbg_nbd"),
        (286, "bg_nbd", "calibration", None, "bg_nbd"),
        (359, "champion", "all_data", "mbg_nbd", "mbg_nbd"),
        (359, "bg_nbd", "all_data", None, None),
    ],
)
def test_a_model_without_a_fit_forecasts_nothing(warehouse, seed, named, failed, champion, scorer):
    """Few random shops have no best fit of BG/NBD. These are two of them."""
    timezone, as_of, _ = CASES["utc"]
    oracle = compare(warehouse, seed, timezone, as_of, {"clv_model": named})
    fits = {(fit, model) for fit in ("all_data", "calibration") for model in ("bg_nbd", "mbg_nbd")}
    assert {pair for pair in fits if not oracle.is_fitted(*pair)} == {(failed, "bg_nbd")}
    assert (oracle.champion, oracle.scorer) == (champion, scorer)


# --- Published ------------------------------------------------------------------------------------


def test_renewals_of_published_segments_are_fitted_as_published(warehouse):
    """One segment pays by the year, the other by twelve months, so that each gets its own fit."""
    terms = {
        "sbg-high-end": {"billing_interval": "year", "interval_count": 1},
        "sbg-regular": {"billing_interval": "month", "interval_count": 12},
    }
    shop = [row | terms[row["plan_id"]] for row in survivor_subscriptions()]
    build(warehouse, {"subscriptions": shop}, {"as_of_date": AS_OF.isoformat()})
    found = warehouse.query(
        "select billing_interval, parameter, value from clv.rpt_clv_parameters"
        f" where model = '{SBG}' and billing_interval <> 'all'"
    )
    assert {(interval, name): value for interval, name, value in found} == pytest.approx(
        {
            ("year", "alpha"): 0.668,
            ("year", "beta"): 3.806,
            ("12 months", "alpha"): 0.704,
            ("12 months", "beta"): 1.182,
        },
        abs=5e-4,
    )


# --- Bad luck -------------------------------------------------------------------------------------


def matches(pattern, reason):
    return reason is None if pattern is None else re.fullmatch(pattern, reason or "") is not None


@pytest.mark.parametrize("shop", SHOPS)
def test_what_cannot_be_known_is_left_out_with_a_reason(warehouse, shop):
    tables, fits, outlook, variables = SHOPS[shop]
    build(warehouse, tables, variables)

    reasons = dict(
        warehouse.query(
            f"select distinct case model when '{SBG}' then model || ', ' || billing_interval"
            " else model end, reason from clv.rpt_clv_parameters where trained_on = 'all_data'"
        )
    )
    assert reasons.keys() == fits.keys()
    assert {fit: reason for fit, reason in reasons.items() if not matches(fits[fit], reason)} == {}

    columns = sorted(BUYER | SUBSCRIBER)
    is_known = ", ".join(f"{column} is not null" for column in columns)
    found = warehouse.query(
        f"""
        select distinct
            case
                when frequency is null and current_mrr = 0 then 'former subscriber'
                when frequency is null then 'subscriber'
                when current_mrr > 0 then 'subscriber who buys'
                when frequency = 0 then 'one-time buyer'
                else 'buyer'
            end,
            unscored_reason,
            {is_known}
        from clv.fct_customer_value
        inner join core.dim_customers using (customer_id)
        """
    )
    # In most shops a one-time buyer is valued like other buyers.
    outlook = {"one-time buyer": outlook.get("buyer"), **outlook}
    for kind, reason, *flags in found:
        pattern, known = outlook[kind]
        assert matches(pattern, reason), (kind, reason)
        assert {column for column, flag in zip(columns, flags, strict=True) if flag} == known, kind
    assert {kind for kind, *_ in found} >= outlook.keys() - {"buyer", "one-time buyer"}
    assert_all_numbers_are_finite(warehouse)


def assert_all_numbers_are_finite(warehouse):
    columns = warehouse.query(
        "select table_name, column_name from duckdb_columns()"
        " where schema_name = 'clv' and data_type = 'DOUBLE'"
    )
    assert columns
    for table, column in columns:
        found = warehouse.query(f"select {column} from clv.{table} where not isfinite({column})")
        assert found == [], (table, column)


def test_a_whale_is_valued_like_everyone_else(warehouse):
    """A customer with 2,200 days of purchase: all numbers are finite, and more orders will come."""
    shop = {"orders": bought([range(2200), *usual_days(300, 2200)])}
    build(warehouse, shop)
    assert warehouse.query(
        f"select distinct reason from clv.rpt_clv_parameters where model <> '{SBG}'"
    ) == [(None,)]
    assert_all_numbers_are_finite(warehouse)
    [(frequency, p_alive, *purchases)] = warehouse.query(
        "select frequency, p_alive, expected_orders_30d, expected_orders_90d, expected_orders_365d"
        " from clv.fct_customer_value where customer_id = 'c0'"
    )
    assert frequency == 2_199
    assert p_alive > 0.99
    assert purchases == pytest.approx([30, 90, 365], rel=0.1)
    assert warehouse.query(
        "select count(*) from clv.fct_customer_value where predicted_clv is null"
    ) == [(0,)]


def test_the_summary_of_the_run_warns(build):
    """In the sample, few subscribe by the year, and few customers come back as forecast."""
    lines = [line for line in build.stdout.splitlines() if line.startswith("Warning: ")]
    assert re.fullmatch(
        "Warning: mbg_nbd, which predicts orders, is no better than the naive forecast:"
        r" mean absolute error 0\.[0-9]{4} against 0\.[0-9]{4} in the holdout",
        lines[0],
    )
    assert re.fullmatch(
        r"Warning: no fit of shifted_beta_geometric \(all_data, year\):"
        r" too few subscribers who came to a renewal: [0-9]+, at least 50 are needed\."
        " Wait for more data",
        lines[1],
    )
