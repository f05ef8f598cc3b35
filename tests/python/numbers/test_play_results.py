"""What plays brought: compared with a second count, and tried on shops whose effect is known.

Enrolments are written straight into the warehouse, and the models of the results run on them: all
shops at once, as so many plays.
"""

import shutil
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from play_results_oracle import PlayResultsOracle, customers_to_tell
from shops.oracle import SEGMENTS, check_marts, is_same
from shops.warehouse import rows_of

AS_OF = date(2025, 10, 10)
WORTH_KNOWING = 0.1
KEYS = {
    "plays.rpt_play_results": [
        *("segment_name", "segment_value", "play_id", "period_grain", "month"),
    ],
    "plays.rpt_play_balance": ["play_id", "measure"],
}
# What the models need to know of an enrolment.
COLUMNS = {
    "customer_id": "varchar",
    "play_id": "varchar",
    "arm": "varchar",
    "is_first": "boolean",
    "enrolled_on": "date",
    "is_window_complete": "boolean",
    "is_converted": "boolean",
    "revenue_in_window": "decimal(18, 2)",
    "margin_in_window": "decimal(18, 2)",
    "offer_cost": "decimal(18, 2)",
    "contact_cost": "decimal(18, 2)",
    "purchases_before": "bigint",
    "revenue_before": "decimal(18, 2)",
    "days_since_last_purchase": "bigint",
}
# `make test` always tries the same shops. `make torture` tries more, other ones each time.
IS_TORTURE = not settings().derandomize
SHOPS = 1_500 if IS_TORTURE else 500
CHANCE = np.random.default_rng(None if IS_TORTURE else 19)


# --- Random enrolments ----------------------------------------------------------------------------


def random_enrolments(random):
    """Plays of all kinds: tiny ones, ones without a holdout, ones in which all do the same."""
    for number in range(24):
        play = {"play_id": f"random {number}", "window": random.choice([7, 30, 60])}
        holdout_share = random.choice([0, 0.1, 0.3, 0.5, 0.5, 1])
        rate, prices = random.choice([0, 0.1, 0.5, 1]), random.choice([[10], [5, 20, 120]])
        days = random.choice([20, 120, 300])
        for customer in range(random.choice([1, 3, 30, 150, 150])):
            arm = "holdout" if random.random() < holdout_share else "treatment"
            day = AS_OF - timedelta(days=random.randrange(days))
            for is_first in [True, False][: random.choice([1, 1, 2])]:
                yield random_enrolment(random, play, f"c{customer}", arm, day, rate, prices) | {
                    "is_first": is_first
                }
                day += timedelta(days=play["window"])


def random_enrolment(random, play, customer, arm, day, rate, prices):
    is_converted = random.random() < rate
    revenue = Decimal(random.choice(prices)) if is_converted else Decimal(0)
    purchases = random.choice([0, 1, 1, 2, 9])
    return {
        "customer_id": customer,
        "play_id": play["play_id"],
        "arm": arm,
        "enrolled_on": day,
        "is_window_complete": day + timedelta(days=play["window"]) <= AS_OF,
        "is_converted": is_converted,
        "revenue_in_window": revenue,
        "margin_in_window": revenue * Decimal("0.7"),
        "offer_cost": Decimal("1.50") if is_converted and arm == "treatment" else Decimal(0),
        "contact_cost": Decimal(random.choice(["0.00", "0.10"])),
        "purchases_before": purchases,
        "revenue_before": Decimal(purchases * random.choice([10, 25])),
        "days_since_last_purchase": random.randrange(90) if purchases else None,
    }


def random_attributes(random):
    """Some customers have none: they were deleted."""
    values = {name: random.sample(["a", "b", "c"], 2) for name in SEGMENTS}
    return {
        f"c{customer}": {name: random.choice(values[name]) for name in SEGMENTS}
        for customer in range(180)
    }


# --- Shops with a known effect --------------------------------------------------------------------


def shops_of(kind, rate, effect, least, most, share):
    """Enrolments of many shops, each a play. Customers differ in what they do without a play.

    Converted ones bring a margin of 20 on average. Second enrolments hold nonsense.
    """
    sizes = CHANCE.integers(least, most + 1, SHOPS)
    shop = np.repeat(np.arange(SHOPS), sizes)
    is_treated = CHANCE.random(shop.size) >= share
    is_converted = CHANCE.random(shop.size) < CHANCE.beta(1, 1 / rate - 1, shop.size) + (
        effect * is_treated
    )
    margin = (is_converted * CHANCE.lognormal(np.log(20) - 0.125, 0.5, shop.size)).round(2)
    first = pd.DataFrame(
        {
            "customer_id": "c1",
            "play_id": np.char.add(f"{kind} ", shop.astype(str)),
            "arm": np.where(is_treated, "treatment", "holdout"),
            "is_first": True,
            "enrolled_on": np.where(
                CHANCE.random(shop.size) < 0.5, date(2025, 3, 9), date(2025, 4, 1)
            ),
            "is_window_complete": True,
            "is_converted": is_converted,
            "revenue_in_window": margin,
            "margin_in_window": margin,
            "offer_cost": is_treated * is_converted * 1.0,
            "contact_cost": is_treated * 0.1,
            "purchases_before": CHANCE.geometric(0.4, shop.size),
            "revenue_before": CHANCE.lognormal(3, 1, shop.size).round(2),
            "days_since_last_purchase": 60,
        }
    )
    second = first[::10].assign(is_first=False, is_converted=True, margin_in_window=999.0)
    return pd.concat([first, second])


EFFECTS = {"none": 0.0, "3 points": 0.03, "8 points": 0.08}


@pytest.fixture(scope="module")
def enrolments():
    """(rows of random plays, attributes of their customers)"""
    random = Random(None if IS_TORTURE else 19)
    return list(random_enrolments(random)), random_attributes(random)


@pytest.fixture(scope="module")
def results(warehouse, enrolments):
    """The rows of both tables, by the kind of play: the word before the number of the shop."""
    rows, attributes = enrolments
    simulated = [
        *(shops_of(kind, 0.1, effect, 500, 1_100, 0.25) for kind, effect in EFFECTS.items()),
        # As many customers as customers_to_tell says, at a rate of 0.3 and a lift of 0.1.
        shops_of("enough", 0.3, WORTH_KNOWING, 1_060, 1_060, 0.2),
    ]
    for path in warehouse.file.parent.iterdir():
        path.unlink()
    shutil.copy(warehouse.seeded, warehouse.file)
    with duckdb.connect(warehouse.file) as connection:
        connection.execute("create schema plays; create schema intermediate")
        connection.execute(
            f"create table intermediate.int_as_of as select date '{AS_OF}' as as_of;"
            "create table plays.fct_play_enrollments ("
            + ", ".join(f"{name} {data_type}" for name, data_type in COLUMNS.items())
            + ")"
        )
        for number, shops in enumerate((pd.DataFrame(rows), *simulated)):
            connection.register(f"shops_{number}", shops)
            connection.execute(
                "insert into plays.fct_play_enrollments"
                f" select {', '.join(COLUMNS)} from shops_{number}"
            )
        groups = {tuple(values.values()) for values in attributes.values()}
        numbers = {group: number + 1 for number, group in enumerate(sorted(groups))}
        customers = [
            {"customer_id": name, "attribute_group": numbers[tuple(values.values())]} | values
            for name, values in attributes.items()
        ]
        connection.register("customers", pd.DataFrame(customers))
        connection.execute("create table intermediate.int_customers_segmented as from customers")
    warehouse.dbt(
        "run",
        *("--select", "rpt_play_results", "rpt_play_balance"),
        variables={"worth_knowing": WORTH_KNOWING},
    )
    with warehouse.connect() as connection:
        return {
            (kind, name): rows_of(
                connection.sql(f"from {name} where regexp_matches(play_id, '^{kind} \\d+$')")
            )
            for kind in ["random", *EFFECTS, "enough"]
            for name in KEYS
        }


def totals(results, kind):
    """A frame of the rows of all months, one for each shop."""
    frame = pd.DataFrame(results[kind, "plays.rpt_play_results"])
    frame = frame[(frame["segment_name"] == "all") & (frame["period_grain"] == "all")]
    assert len(frame) == SHOPS
    assert frame["is_complete"].all()
    assert set(frame["months"]) == {2}
    return frame


# --- Tests ----------------------------------------------------------------------------------------


def test_every_result_is_what_the_oracle_counts(results, enrolments):
    oracle = PlayResultsOracle(*enrolments, AS_OF, WORTH_KNOWING)
    found = {name: results["random", name] for name in KEYS}
    expected = {
        tuple(row[name] for name in KEYS["plays.rpt_play_results"]): row.pop(
            "reach_of_margin", None
        )
        for row in oracle.rpt_play_results()
    }
    without_interval = {"plays.rpt_play_balance": found["plays.rpt_play_balance"]}
    without_interval["plays.rpt_play_results"] = []
    for row in found["plays.rpt_play_results"]:
        row = dict(row)
        low, high = row.pop("incremental_margin_ci_low"), row.pop("incremental_margin_ci_high")
        reach = expected[tuple(row[name] for name in KEYS["plays.rpt_play_results"])]
        assert (low is None) == (high is None) == (reach is None), row
        if reach is not None:
            # The quantile of t is right to four decimals, and each bound is a whole cent.
            assert float(high - low) / 2 == pytest.approx(reach, rel=1e-5, abs=0.011), row
            assert float(high + low) / 2 == pytest.approx(
                float(row["incremental_margin"]), abs=0.011
            ), row
        without_interval["plays.rpt_play_results"].append(row | {"reach_of_margin": None})
    assert {row["verdict"] for row in found["plays.rpt_play_results"]} >= {
        *(None, "no data", "no holdout", "too early to say")
    }
    assert sum(reach is not None for reach in expected.values()) > 20
    assert sum(row["months_to_tell"] is not None for row in found["plays.rpt_play_results"]) > 5
    # Arms of less than ten customers have no verdict, however clear their interval.
    assert any(
        min(row["treated"], row["held_out"]) < 10 and (row["lift_ci_low"] or 0) > 0
        for row in found["plays.rpt_play_results"]
    )
    check_marts(WithoutReach(oracle), without_interval, KEYS, is_same)


class WithoutReach:
    def __init__(self, oracle):
        self.rpt_play_balance = oracle.rpt_play_balance
        self.rpt_play_results = lambda: (
            row | {"reach_of_margin": None} for row in oracle.rpt_play_results()
        )


@pytest.mark.parametrize("kind", EFFECTS)
def test_19_of_20_intervals_hold_the_true_effect(results, kind):
    shops, effect = totals(results, kind), EFFECTS[kind]
    is_held = (shops["lift_ci_low"] <= effect) & (effect <= shops["lift_ci_high"])
    assert 0.93 <= is_held.mean() <= 0.97
    assert shops["lift"].mean() == pytest.approx(effect, abs=0.004)
    true_customers = effect * shops["treated"]
    assert shops["incremental_customers"].mean() == pytest.approx(true_customers.mean(), abs=3)
    # A converted customer brings 20 and redeems an offer of 1; a contact costs 0.10 each.
    true_margin = 20 * true_customers - (shops["offer_cost"] + shops["contact_cost"]).astype(float)
    low, high = (shops[f"incremental_margin_ci_{end}"].astype(float) for end in ("low", "high"))
    assert 0.92 <= ((low <= true_margin) & (true_margin <= high)).mean() <= 0.98


def test_a_play_without_effect_is_rarely_praised_or_blamed(results):
    shops = totals(results, "none")
    for verdict in ("works", "harms"):
        assert 0.01 <= (shops["verdict"] == verdict).mean() <= 0.045
    # Fisher's test errs on the safe side.
    assert 0.01 <= (shops["p_value"] <= 0.05).mean() <= 0.05


def test_a_play_with_an_effect_is_recognised(results):
    assert (totals(results, "8 points")["verdict"] == "works").mean() > 0.7
    assert (totals(results, "8 points")["verdict"] == "harms").sum() == 0


def test_so_many_customers_show_the_effect_in_four_of_five_shops(results):
    shops = totals(results, "enough")
    assert customers_to_tell(0.3, 0.8 * 1_060, 0.2 * 1_060, WORTH_KNOWING) == pytest.approx(
        1_060, rel=0.01
    )
    assert 0.75 <= (shops["verdict"] == "works").mean() <= 0.85
    # Told only where it is too early to say: there, more came without the play than the 0.3.
    assert (shops["customers_to_tell"].notna() == (shops["verdict"] == "too early to say")).all()
    assert shops["customers_to_tell"].mean() == pytest.approx(1_060, rel=0.1)


def test_arms_that_chance_made_are_alike(results):
    balance = pd.DataFrame(results["none", "plays.rpt_play_balance"])
    balance = balance[balance["measure"] != "recency"]
    assert len(balance) == 2 * SHOPS
    # Beyond 0.1 standard deviations by chance alone; beyond four standard errors hardly ever.
    assert (balance["standardised_difference"].abs() > 0.1).mean() > 0.1
    assert 0.03 <= (balance["standard_errors"].abs() > 1.96).mean() <= 0.07
    assert (balance["standard_errors"].abs() > 4).sum() <= SHOPS / 250
