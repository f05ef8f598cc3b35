"""Published results, from raw files: CDNOW (see data/cdnow/NOTICE.md).

All orders go through the models of the cohorts, the 1/10 sample through those of its scores.

Fader and Hardie, "Forecasting Repeat Sales at CDNOW" (Interfaces 31, 2001). Fader, Hardie and Lee,
"Counting Your Customers the Easy Way" (Marketing Science 24, 2005). Their notes on Gamma-Gamma and
on implementing BG/NBD.
"""

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from scipy.special import hyp2f1
from shops.published_shops import read_cdnow

COHORTS = ("+fct_orders", "+fct_customer_value", "+rpt_order_cohorts", "+rpt_repeat_purchase")
SCORES = (
    "+fct_orders",
    "+fct_customer_value",
    "+rpt_clv_parameters",
    "+rpt_clv_calibration",
    "+row_outcomes",
)


@pytest.fixture(scope="session")
def master() -> pd.DataFrame:
    return read_cdnow("master", ["customer_id", "date", "number_of_cds", "amount"], skip=1)


@pytest.fixture(scope="module")
def built_master(master, warehouse):
    """All 69,659 orders, in three files of three kinds."""

    def write(raw_dir: Path) -> None:
        (raw_dir / "orders").mkdir()
        contract = master[["order_id", "customer_id", "ordered_at", "amount"]]
        contract.iloc[:30_000].to_csv(raw_dir / "orders" / "a.csv", index=False)
        contract.iloc[30_000:50_000].to_csv(raw_dir / "orders" / "b.csv.gz", index=False)
        with duckdb.connect() as connection:
            connection.register("contract", contract.iloc[50_000:])
            connection.execute(
                "copy (select * replace (ordered_at::timestamp as ordered_at,"
                f" amount::decimal(10, 2) as amount) from contract) to '{raw_dir}/orders/c.parquet'"
            )

    warehouse.fill(write, "--select", *COHORTS)
    with duckdb.connect(kept(warehouse, "master"), read_only=True) as connection:
        yield connection


def kept(warehouse, name: str) -> Path:
    """A copy of the file of the warehouse, which the next landing zone replaces."""
    return shutil.copy(warehouse.file, warehouse.folder / f"cdnow_{name}.duckdb")


def test_every_order_and_cent_arrives(built_master):
    assert built_master.sql(
        "select count(*), sum(net_amount), count(distinct customer_id) from core.fct_orders"
    ).fetchall() == [(69_659, Decimal("2500315.63"), 23_570)]


def test_month_cohorts_are_the_published_ones(built_master):
    triangle = {
        cohort.isoformat(): active
        for cohort, active in built_master.sql(
            "select cohort_start, list(active_customers order by periods_since)"
            " from cohorts.rpt_order_cohorts"
            " where period_grain = 'month' and segment_name = 'all' group by cohort_start"
        ).fetchall()
    }
    assert list(sorted(triangle)) == ["1997-01-01", "1997-02-01", "1997-03-01"]
    assert triangle["1997-01-01"][:5] == [7_846, 1_157, 964, 810, 679]
    assert triangle["1997-02-01"][:4] == [8_476, 1_312, 980, 783]
    assert triangle["1997-03-01"][:4] == [7_248, 1_032, 752, 756]
    assert [len(row) for _, row in sorted(triangle.items())] == [18, 17, 16]


def test_repeat_buyers_are_the_published_share(built_master):
    """48.86 % came back on another day. With orders of the same day it would be 49.48 %."""
    assert built_master.sql(
        "select round(100.0 * avg((frequency > 0)::int), 2) from clv.fct_customer_value"
    ).fetchall() == [(48.86,)]
    assert built_master.sql(
        "select round(100 * repeat_rate, 2), median_days_between, round(mean_days_between, 2)"
        " from cohorts.rpt_repeat_purchase where period_grain = 'all' and segment_name = 'all'"
    ).fetchall() == [(48.86, 34, 72.21)]


@pytest.mark.parametrize(
    "grain, frequency", [("week", "W-SUN"), ("month", "M"), ("quarter", "Q"), ("year", "Y")]
)
def test_the_triangle_is_what_pandas_counts(built_master, master, grain, frequency):
    days = pd.to_datetime(master["date"], format="%Y%m%d")
    orders = pd.DataFrame(
        {
            "customer_id": master["customer_id"],
            "period": days.dt.to_period(frequency),
            "cents": (master["amount"].astype(float) * 100).round().astype(int),
        }
    )
    orders["cohort"] = orders.groupby("customer_id")["period"].transform("min")
    last_active = orders.groupby("customer_id")["period"].transform("max")
    orders["since"] = [
        (period - cohort).n
        for period, cohort in zip(orders["period"], orders["cohort"], strict=True)
    ]
    orders["last_since"] = [
        (last - cohort).n for last, cohort in zip(last_active, orders["cohort"], strict=True)
    ]
    expected = orders.groupby(["cohort", "since"]).agg(
        active=("customer_id", "nunique"), orders=("customer_id", "size"), cents=("cents", "sum")
    )
    last = orders.drop_duplicates("customer_id")
    cells = built_master.sql(
        "select * from cohorts.rpt_order_cohorts"
        f" where segment_name = 'all' and period_grain = '{grain}'"
    ).df()
    assert cells["orders"].sum() == len(orders)
    for cell in cells.itertuples():
        cohort = pd.Period(cell.cohort_start, frequency)
        active, n_orders, cents = (
            expected.loc[(cohort, cell.periods_since)]
            if (cohort, cell.periods_since) in expected.index
            else (0, 0, 0)
        )
        rolling = ((last["cohort"] == cohort) & (last["last_since"] >= cell.periods_since)).sum()
        assert cell.active_customers == active
        assert cell.orders == n_orders
        assert round(cell.net_revenue * 100) == cents
        assert cell.rolling_active_customers == rolling


@pytest.fixture(scope="module")
def scored_sample(warehouse):
    """Scores the customers of the 1/10 sample with the given vars; returns a connection."""
    orders = read_cdnow("sample", ["master_id", "customer_id", "date", "cds", "amount"], skip=0)

    def write(raw_dir: Path) -> None:
        (raw_dir / "orders").mkdir()
        orders[["order_id", "customer_id", "ordered_at", "amount"]].to_csv(
            raw_dir / "orders/sample.csv", index=False
        )

    def score(name: str, variables: dict) -> duckdb.DuckDBPyConnection:
        warehouse.fill(write, "--select", *SCORES, variables=variables)
        return duckdb.connect(kept(warehouse, name), read_only=True)

    return score


@pytest.fixture(scope="module")
def with_holdout(scored_sample):
    """All 78 weeks: 39 weeks for the fit, and 39 weeks to compare its forecast with."""
    with scored_sample(
        "with_holdout", {"as_of_date": "1998-07-01", "clv_holdout_days": 273}
    ) as connection:
        yield connection


@pytest.fixture(scope="module")
def calibration(scored_sample):
    """The first 39 weeks alone: their fit gives the scores, with the model of the papers."""
    variables = {"as_of_date": "1997-10-01", "clv_model": "bg_nbd"}
    with scored_sample("calibration", variables) as connection:
        yield connection


def test_purchase_histories_of_the_sample_are_the_published_ones(calibration):
    """Orders of one day are merged, and T ends with the last day."""
    assert calibration.sql(
        "select count(*), sum(frequency), count(*) filter (frequency = 0)"
        " from clv.fct_customer_value"
    ).fetchall() == [(2_357, 2_457, 1_411)]
    [history] = calibration.sql(
        "select frequency, recency_days, age_days from clv.fct_customer_value"
        " where customer_id = '0001'"
    ).fetchall()
    assert history == (2, 213, 272)
    assert [round(days / 7, 2) for days in history[1:]] == [30.43, 38.86]
    [(counted,)] = calibration.sql("select count(*) from core.fct_orders").fetchall()
    assert calibration.sql(
        "select reason, records from meta.row_outcomes where outcome = 'not_counted'"
    ).fetchall() == [("after as_of", 6_919 - counted)]


def read_fit(connection: duckdb.DuckDBPyConnection, model: str, trained_on: str) -> tuple:
    """The parameters by name, and their common log-likelihood, customers and last day."""
    rows = connection.execute(
        "select parameter, value, log_likelihood, customers, fitted_through"
        " from clv.rpt_clv_parameters where model = ? and trained_on = ? and converged"
        " and reason is null",
        [model, trained_on],
    ).fetchall()
    [rest] = {row[2:] for row in rows}
    return {row[0]: row[1] for row in rows}, *rest


# Both builds fit the same 39 weeks: one by its as_of, the other by its holdout.
@pytest.mark.parametrize(
    "build, trained_on", [("calibration", "all_data"), ("with_holdout", "calibration")]
)
@pytest.mark.parametrize(
    "model, parameters, tolerance, log_likelihood, customers",
    [
        (
            "bg_nbd",
            {"r": 0.24259, "alpha": 4.4136, "a": 0.7929, "b": 2.4259},
            {"rel": 1e-4},
            -9582.429,
            2_357,
        ),
        (
            "mbg_nbd",
            {"r": 0.5248, "alpha": 6.183, "a": 0.8914, "b": 1.6140},
            {"rel": 1e-4},
            -9582.136,
            2_357,
        ),
        ("gamma_gamma", {"p": 6.25, "q": 3.74, "v": 15.44}, {"abs": 5e-3}, -4055.918, 946),
    ],
)
def test_fits_to_the_sample_are_the_published_ones(
    request, build, trained_on, model, parameters, tolerance, log_likelihood, customers
):
    found = read_fit(request.getfixturevalue(build), model, trained_on)
    assert found[0] == pytest.approx(parameters, **tolerance)
    assert found[1] == pytest.approx(log_likelihood, abs=1e-3)
    assert found[2:] == (customers, date(1997, 9, 30))


def test_forecasts_of_the_holdout_are_the_published_ones(with_holdout):
    """The naive forecast of each is x, what they bought in the 39 weeks before."""
    rows = with_holdout.sql(
        "select model, mae, rmse, predicted_purchases, bias * customers, customers,"
        " actual_purchases, horizon_days, is_champion from clv.rpt_clv_calibration order by mae"
    ).fetchall()
    forecasts = {model: numbers for model, *numbers in rows}
    assert list(forecasts) == ["mbg_nbd", "bg_nbd", "naive"]
    assert forecasts["mbg_nbd"][:2] == pytest.approx([0.7648, 1.6072], abs=5e-5)
    assert forecasts["bg_nbd"][:2] == pytest.approx([0.7855, 1.6080], abs=5e-5)
    assert forecasts["naive"][0] == pytest.approx(0.897, abs=5e-4)
    totals = {"mbg_nbd": 1_576.7, "bg_nbd": 1_653.4, "naive": 2_457}
    for model, (*_, predicted, error, customers, actual, days, is_champion) in forecasts.items():
        assert predicted == pytest.approx(totals[model], abs=0.05)
        assert error == pytest.approx(predicted - 1_882)
        assert (customers, actual, days) == (2_357, 1_882, 273)
        assert is_champion == (model == "mbg_nbd")


def test_the_forecast_with_the_smallest_error_scores(with_holdout):
    assert with_holdout.sql("select distinct model from clv.fct_customer_value").fetchall() == [
        ("mbg_nbd",)
    ]


def test_expected_values_of_purchases_are_the_published_ones(calibration):
    """The first ten customers. Those who did not buy again get 35.17, the mean over all."""
    values = calibration.sql(
        "select expected_order_value from clv.fct_customer_value order by customer_id limit 10"
    ).fetchall()
    expected = ["24.65", "18.91", "35.17", "35.17", "35.17", "71.46", "18.91", "35.17", "27.28"]
    assert [value for (value,) in values] == [Decimal(value) for value in [*expected, "35.17"]]


@pytest.mark.parametrize(
    "customer_id, history, weeks, purchases, p_alive",
    [
        ("0001", (2, 213, 272), 39, 1.226, 0.7266),
        ("1516", (26, 216, 217), 52, 25.757, 0.96885),
    ],
)
def test_customers_of_the_sample_buy_as_published(
    calibration, customer_id, history, weeks, purchases, p_alive
):
    """The mart has other horizons than the paper. Formula (10) of the paper connects them."""
    rows = calibration.execute(
        "select * from clv.fct_customer_value where customer_id = ?", [customer_id]
    )
    [found] = rows.df().itertuples()
    assert (found.frequency, found.recency_days, found.age_days) == history
    assert found.p_alive == pytest.approx(p_alive, abs=5e-5)

    parameters, *_ = read_fit(calibration, "bg_nbd", "all_data")
    r, alpha, a, b = (parameters[name] for name in ("r", "alpha", "a", "b"))
    x, T = found.frequency, found.age_days / 7

    def expected_purchases(t):
        ratio = (alpha + T) / (alpha + T + t)
        bracket = 1 - ratio ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, 1 - ratio)
        return (a + b + x - 1) / (a - 1) * bracket * found.p_alive

    assert expected_purchases(weeks) == pytest.approx(purchases, abs=5e-4)
    assert [
        found.expected_orders_30d,
        found.expected_orders_90d,
        found.expected_orders_365d,
    ] == pytest.approx([expected_purchases(days / 7) for days in (30, 90, 365)])
