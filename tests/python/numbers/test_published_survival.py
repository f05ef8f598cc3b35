"""Published survival and recurring revenue, from raw files through the models: one build.

Gehan's leukaemia trial (see data/gehan/NOTICE.md). The two survival tables by which Fader and
Hardie explain the shifted beta-geometric model. The usual worked examples of recurring revenue.
published_shops.py turns all of them into raw subscriptions.
"""

import random
import shutil
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from math import exp
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from shops.landing_zone import plainly
from shops.published_shops import (
    AS_OF,
    LAST_DAY,
    SURVIVORS,
    SURVIVORS_SINCE,
    gehan_milestones,
    gehan_subscriptions,
    read_gehan,
    row,
    survivor_subscriptions,
    worked_example_subscriptions,
    write_subscriptions,
)
from shops.random_shops import ChangingShop, EdgeShop, PaperShop

UTC = ZoneInfo("UTC")
# Also a year, but another billing interval: renewals are fitted by interval.
MONTHS_12 = {"billing_interval": "month", "interval_count": 12}
HIGH_END = {"alpha": 0.668, "beta": 3.806}
MODELS = (
    "+rpt_subscription_survival",
    "+rpt_subscription_cohorts",
    "+fct_mrr_movements",
    "+rpt_mrr",
    "+fct_subscription_spells",
    "+fct_customer_value",
    "+rpt_clv_parameters",
    "+rpt_onboarding",
)


@pytest.fixture(scope="module")
def published(warehouse):
    def write(raw_dir: Path) -> None:
        write_subscriptions(
            raw_dir,
            gehan=gehan_subscriptions(),
            survivors=[
                row | MONTHS_12 if row["plan_id"] == "sbg-high-end" else row
                for row in survivor_subscriptions()
            ],
            worked_examples=worked_example_subscriptions(),
        )
        (raw_dir / "milestones").mkdir()
        pd.DataFrame(gehan_milestones()).to_csv(raw_dir / "milestones" / "gehan.csv", index=False)

    warehouse.fill(write, "--select", *MODELS, variables={"as_of_date": AS_OF.isoformat()})
    file = shutil.copy(warehouse.file, warehouse.folder / "published_survival.duckdb")
    with duckdb.connect(file, read_only=True) as connection:
        yield connection


@pytest.fixture
def of_plan(published):
    """What a mart says of the customers with that first plan, in the order of the columns."""

    def rows(columns: str, mart: str, plan: str, where: str = "true") -> duckdb.DuckDBPyRelation:
        return published.sql(
            f"select {columns} from {mart} where segment_name = 'first_plan_id'"
            f" and segment_value = '{plan}' and {where} order by all"
        )

    return rows


@pytest.fixture
def curve(of_plan):
    """The survival curve of a plan, a row per duration."""
    return lambda plan, unit: of_plan(
        "duration, * exclude (duration)",
        "churn.rpt_subscription_survival",
        plan,
        f"time_unit = '{unit}'",
    ).df()


@pytest.mark.parametrize(
    "arm, survival, median",
    [
        (
            "gehan-treated",
            {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482},
            23,
        ),
        ("gehan-control", {1: 0.9048}, 8),
    ],
)
def test_gehans_survival_is_the_published_one(curve, arm, survival, median):
    rows = curve(arm, "day").set_index("duration")
    assert rows["survival"][list(survival)].round(4).to_dict() == survival
    assert set(rows["median_duration"]) == {median}


@pytest.mark.parametrize(
    "arm, survival, median",
    [("gehan-treated", [0.8067, 0.6902, 0.4482], 23), ("gehan-control", [0.5714, 0.1905, 0], 8)],
)
def test_a_relapse_as_a_milestone_is_reached_by_all_others(of_plan, arm, survival, median):
    [found] = of_plan(
        "reached_rate_7d, reached_rate_14d, reached_rate_30d, median_days",
        "journey.rpt_onboarding",
        arm,
        "period_grain = 'all' and milestone = 'relapse'",
    ).fetchall()
    *rates, median_days = found
    assert [round(1 - rate, 4) for rate in rates] == survival
    assert median_days == median


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")
@pytest.mark.parametrize("arm", ["gehan-treated", "gehan-control"])
def test_the_whole_curve_is_that_of_scipy(curve, arm):
    patients = read_gehan().query("arm == @arm")
    events = patients.loc[patients["is_event"], "duration"]
    censored = patients.loc[~patients["is_event"], "duration"]
    oracle = stats.ecdf(stats.CensoredData(uncensored=events, right=censored)).sf
    days = np.arange(patients["duration"].max() + 1)
    rows = curve(arm, "day")

    assert list(rows["duration"]) == list(days)
    assert list(rows["at_risk"]) == [(patients["duration"] >= day).sum() for day in days]
    assert list(rows["events"]) == [(events == day).sum() for day in days]
    assert list(rows["censored"]) == [(censored == day).sum() for day in days]

    survival = oracle.evaluate(days)
    np.testing.assert_allclose(rows["survival"], survival, atol=1e-12)
    interval = oracle.confidence_interval(method="log-log")
    # The interval is undefined until the first loss; scipy begins with the first observation.
    for column, bound in [("ci_low", interval.low), ("ci_high", interval.high)]:
        expected = np.where(survival < 1, bound.evaluate(days), np.nan)
        np.testing.assert_allclose(rows[column].astype(float), expected, atol=1e-12)
    # A very narrow interval is not clipped at 0 or 1, so it shows the error of Greenwood.
    narrow = oracle.confidence_interval(0.01, method="linear")
    width = narrow.high.evaluate(days) - narrow.low.evaluate(days)
    std_error = width / (2 * stats.norm.ppf(0.505))
    np.testing.assert_allclose(rows["std_error"].astype(float), std_error, atol=1e-9)
    np.testing.assert_allclose(rows["restricted_mean_duration"], survival[:-1].sum())


@pytest.mark.parametrize("plan, median", [("sbg-high-end", 84), ("sbg-regular", 24)])
def test_yearly_survival_is_the_published_one(curve, plan, median):
    """The loss of a year is in the month of the anniversary, and nowhere else."""
    survivors = SURVIVORS[plan]
    rows = curve(plan, "month")
    assert list(rows["duration"]) == list(range(85))
    assert list(rows["at_risk"]) == survivors[:1] + [
        left for left in survivors[:-1] for _ in range(12)
    ]
    lost = [before - after for before, after in pairwise(survivors)]
    assert list(rows["events"]) == [0] + [count for year in lost for count in [0] * 11 + [year]]
    assert list(rows["censored"]) == [0] * 84 + survivors[-1:]
    np.testing.assert_allclose(rows["survival"][::12], np.array(survivors) / survivors[0])
    assert set(rows["median_duration"]) == {median}
    np.testing.assert_allclose(
        rows["restricted_mean_duration"], 12 * sum(survivors[:-1]) / survivors[0]
    )


@pytest.mark.parametrize("plan", SURVIVORS)
def test_what_a_years_loss_does_to_recurring_revenue(of_plan, plan):
    survivors = SURVIVORS[plan]
    assert of_plan(
        "year(month), customers_at_start, customers_at_end, churned_customers, closing_mrr",
        "churn.rpt_mrr",
        plan,
        f"month(month) = 3 and year(month) > {SURVIVORS_SINCE}",
    ).fetchall() == [
        (SURVIVORS_SINCE + year, before, after, before - after, 10 * after)
        for year, (before, after) in enumerate(pairwise(survivors), start=1)
    ]
    assert of_plan(
        "sum(churned_customers)", "churn.rpt_mrr", plan, "month(month) <> 3"
    ).fetchall() == [(0,)]


@pytest.mark.parametrize("plan", SURVIVORS)
def test_the_cohort_of_the_year_is_the_survival_table(of_plan, plan):
    assert of_plan(
        "periods_since, cohort_start, active_customers, round(retention_rate, 3)",
        "cohorts.rpt_subscription_cohorts",
        plan,
        "period_grain = 'year'",
    ).fetchall() == [
        (year, date(SURVIVORS_SINCE, 1, 1), left, left / 1000)
        for year, left in enumerate(SURVIVORS[plan])
    ]


def test_renewals_are_fitted_as_published(published):
    rows = published.sql(
        "select parameter, value, customers from clv.rpt_clv_parameters"
        " where model = 'shifted_beta_geometric' and billing_interval = '12 months'"
    ).fetchall()
    assert {name: value for name, value, _ in rows} == pytest.approx(HIGH_END, abs=5e-4)
    assert {customers for *_, customers in rows} == {1_000}


def test_a_subscription_is_worth_the_payments_to_come(published):
    """After seven renewals, three more fall due within 36 months, and the next one is due now."""
    alpha, beta = HIGH_END.values()
    still_there, value = 1.0, 0.0
    for years, renewal in enumerate([8, 9, 10]):
        still_there *= (beta + renewal - 1) / (alpha + beta + renewal - 1)
        value += 120 * 0.7 * still_there / 1.1**years
    found = published.sql(
        "select predicted_subscription_value, count(*) from clv.fct_customer_value"
        " inner join core.dim_customers using (customer_id)"
        " where first_plan_id = 'sbg-high-end' and current_mrr > 0"
        " group by predicted_subscription_value"
    ).fetchall()
    # The paper gives the parameters with three decimals.
    assert found == [(pytest.approx(Decimal(value), abs=Decimal("0.02")), 491)]


def test_months_and_years_add_up_to_recurring_revenue(of_plan):
    """100 x 100 a month and 50 x 600 a year are 12,500."""
    assert of_plan(
        "closing_mrr, arr, customers_at_end, arpa",
        "churn.rpt_mrr",
        "price-list",
        "month = date '2024-01-01'",
    ).fetchall() == [(12_500, 150_000, 150, Decimal("83.33"))]


def test_every_movement_of_the_gold_plan(published):
    assert published.sql(
        "select movement, new_mrr + expansion_mrr + contraction_mrr + churned_mrr"
        " + reactivation_mrr as amount, subscriptions_after"
        " from churn.fct_mrr_movements where customer_id = 'gold' order by month"
    ).fetchall() == [
        ("new", Decimal("166.67"), 1),
        ("expansion", Decimal("60.00"), 3),
        ("contraction", Decimal("60.00"), 1),
        ("churn", Decimal("166.67"), 0),
        ("reactivation", Decimal("150.00"), 1),
    ]


def test_a_cancelled_subscription_ends_with_the_paid_period(published):
    """The other policy of churn_dated_on would take 8 June, the day of the cancellation."""
    assert published.sql(
        "select started_on, ended_on from core.fct_subscription_spells where customer_id = 'april'"
    ).fetchall() == [(date(2024, 4, 15), date(2024, 6, 15))]
    assert published.sql(
        "select month, movement from churn.fct_mrr_movements"
        " where customer_id = 'april' order by month"
    ).fetchall() == [(date(2024, 4, 1), "new"), (date(2024, 6, 1), "churn")]


@pytest.mark.parametrize(
    "plan, opening, closing, grr, nrr",
    [("bridge", 100, 90, 0.8, 0.9), ("upgrade", 5000, 6000, 1.0, 1.2)],
)
def test_gross_and_net_revenue_retention(of_plan, plan, opening, closing, grr, nrr):
    [row] = of_plan(
        "opening_mrr, closing_mrr, grr, nrr, net_revenue_churn_rate",
        "churn.rpt_mrr",
        plan,
        "month = date '2024-05-01'",
    ).fetchall()
    assert row[:2] == (opening, closing)
    assert row[2:] == pytest.approx((grr, nrr, 1 - nrr))


# --- An export that holds only who was alive when it began ----------------------------------------

LATE = date(2024, 1, 1)
WARNING = "fct_subscription_spells__may_need_subscriptions_observed_from"


def subscribers(seed: int, hazard: float) -> list[dict]:
    """2,000 monthly subscriptions that start in 2022 to 2024; the hazard is that of a day."""
    chance = random.Random(seed)
    rows = []
    for number in range(2_000):
        started_at = date(2022, 1, 1) + timedelta(days=chance.randrange(1_000))
        ended_at = started_at + timedelta(days=1 + int(chance.expovariate(hazard)))
        rows.append(
            row(f"c{number}", started_at, 10, ended_at=ended_at if ended_at <= LAST_DAY else None)
        )
    return rows


def alive(rows: list[dict]) -> list[dict]:
    return [row for row in rows if row["ended_at"] is None or row["ended_at"] > LATE]


def with_delayed_entry(rows: list[dict]) -> dict[int, tuple[int, float]]:
    """At risk and survival by day. Who enters on a day is at risk from the next day on."""
    spells = pd.DataFrame(rows)
    began, ended = (pd.to_datetime(spells[name]) for name in ("started_at", "ended_at"))
    entry = (pd.Timestamp(LATE) - began).dt.days.where(began < pd.Timestamp(LATE), -1)
    duration = (ended.fillna(pd.Timestamp(LAST_DAY)) - began).dt.days
    found, survival = {}, 1.0
    for day in range(duration.max() + 1):
        at_risk = ((entry < day) & (duration >= day)).sum()
        survival *= 1 - ((duration == day) & ended.notna()).sum() / max(at_risk, 1)
        found[day] = int(at_risk), pytest.approx(survival, abs=1e-12)
    return found


@pytest.fixture
def built(warehouse):
    """Build what the warning reads; return the status of the warning, and the curve of days."""

    def build(tables: dict[str, list[dict]], **variables: str):
        models = ["+rpt_subscription_survival", "+fct_subscription_spells"]
        variables |= {"as_of_date": AS_OF.isoformat()}
        warehouse.fill(plainly(tables), "--select", *models, variables=variables)
        [result] = warehouse.dbt("test", "--select", WARNING, variables=variables).results
        curve = warehouse.query(
            "select duration, at_risk, survival from churn.rpt_subscription_survival"
            " where segment_name = 'all' and time_unit = 'day'"
        )
        return str(result.status), {day: tuple(numbers) for day, *numbers in curve}

    return build


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.torture) for seed in (2, 3))]
)
def test_delayed_entry_finds_the_survival_of_all_in_that_of_the_survivors(built, warehouse, seed):
    """Without the var the curve is far too high, and the build warns."""
    everyone = subscribers(seed, hazard=1 / 300)
    export = {"subscriptions": alive(everyone)}
    status, truth = built({"subscriptions": everyone})
    assert status == "pass"

    status, too_high = built(export)
    assert status == "warn"

    status, curve = built(export, subscriptions_observed_from=LATE.isoformat())
    assert status == "pass"
    assert curve == with_delayed_entry(alive(everyone))
    survival = {name: found[365][1] for name, found in (("all", truth), ("late", curve))}
    assert survival == pytest.approx(dict.fromkeys(survival, exp(-365 / 300)), abs=0.07)
    assert too_high[365][1] > max(survival.values()) + 0.1
    [(in_months,)] = warehouse.query(
        "select survival from churn.rpt_subscription_survival"
        " where segment_name = 'all' and time_unit = 'month' and duration = 12"
    )
    assert in_months == pytest.approx(exp(-365 / 300), abs=0.07)


@pytest.mark.parametrize(
    "shop",
    [
        EdgeShop("late", 30, "subscriptions", UTC),
        ChangingShop("late", 100, UTC, AS_OF),
        PaperShop(1, 100, UTC, AS_OF),
    ],
    ids=lambda shop: type(shop).__name__,
)
def test_random_shops_give_no_such_warning(built, shop):
    status, _ = built(shop.tables)
    assert status == "pass"
