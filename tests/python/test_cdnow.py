"""Published results, from raw files through the whole job: CDNOW (see data/cdnow/NOTICE.md).

Fader and Hardie, "Forecasting Repeat Sales at CDNOW" (Interfaces 31, 2001); Fader, Hardie and Lee,
"Counting Your Customers the Easy Way" (Marketing Science 24, 2005).
"""

import gzip
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from conftest import run_build

CDNOW = Path(__file__).parent / "data" / "cdnow"


def read_cdnow(name: str, columns: list[str], skip: int) -> pd.DataFrame:
    with gzip.open(CDNOW / f"CDNOW_{name}.txt.gz", "rt") as stream:
        table = pd.read_csv(
            stream, sep=r"\s+", names=columns, skiprows=skip, dtype=str, usecols=range(len(columns))
        )
    table["order_id"] = [f"{name}-{number}" for number in range(1, len(table) + 1)]
    table["ordered_at"] = pd.to_datetime(table["date"], format="%Y%m%d").dt.strftime("%Y-%m-%d")
    return table


@pytest.fixture(scope="session")
def master() -> pd.DataFrame:
    return read_cdnow("master", ["customer_id", "date", "number_of_cds", "amount"], skip=1)


@pytest.fixture(scope="session")
def published_master(master, tmp_path_factory):
    """All 69,659 orders, in three files of three kinds, as the nightly job publishes them."""
    raw = tmp_path_factory.mktemp("cdnow-raw")
    (raw / "orders").mkdir()
    contract = master[["order_id", "customer_id", "ordered_at", "amount"]]
    contract.iloc[:30_000].to_csv(raw / "orders" / "a.csv", index=False)
    contract.iloc[30_000:50_000].to_csv(raw / "orders" / "b.csv.gz", index=False)
    with duckdb.connect() as connection:
        connection.register("contract", contract.iloc[50_000:])
        connection.execute(
            "copy (select * replace (ordered_at::timestamp as ordered_at,"
            f" amount::decimal(10, 2) as amount) from contract) to '{raw}/orders/c.parquet'"
        )
    home = tmp_path_factory.mktemp("cdnow-home")
    build = run_build(raw, home)
    assert build.returncode == 0, build.stdout
    with duckdb.connect(home / "serve/current/tenure.duckdb", read_only=True) as connection:
        yield connection


def test_every_order_and_cent_arrives(published_master):
    assert published_master.sql(
        "select count(*), sum(net_amount), count(distinct customer_id) from core.fct_orders"
    ).fetchall() == [(69_659, Decimal("2500315.63"), 23_570)]


def test_month_cohorts_are_the_published_ones(published_master):
    triangle = {
        cohort.isoformat(): active
        for cohort, active in published_master.sql(
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


def test_repeat_buyers_are_the_published_share(published_master):
    """48.86 % came back on another day; 49.48 % would be repeat orders, same-day ones included."""
    assert published_master.sql(
        "select round(100.0 * avg((frequency > 0)::int), 2) from clv.fct_customer_value"
    ).fetchall() == [(48.86,)]
    assert published_master.sql(
        "select round(100 * repeat_rate, 2), median_days_between, round(mean_days_between, 2)"
        " from cohorts.rpt_repeat_purchase where period_grain = 'all' and segment_name = 'all'"
    ).fetchall() == [(48.86, 34, 72.21)]


@pytest.mark.parametrize(
    "grain, frequency", [("week", "W-SUN"), ("month", "M"), ("quarter", "Q"), ("year", "Y")]
)
def test_the_triangle_is_what_pandas_counts(published_master, master, grain, frequency):
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
    cells = published_master.sql(
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


def test_purchase_histories_of_the_sample_are_the_published_ones(tmp_path):
    """The 1/10 sample up to 1997-09-30: same-day orders merged, T counted to the last day."""
    orders = read_cdnow("sample", ["master_id", "customer_id", "date", "cds", "amount"], skip=0)
    (tmp_path / "raw/orders").mkdir(parents=True)
    orders[["order_id", "customer_id", "ordered_at", "amount"]].to_csv(
        tmp_path / "raw/orders/sample.csv", index=False
    )
    build = run_build(tmp_path / "raw", tmp_path / "home", "{as_of_date: 1997-10-01}")
    assert build.returncode == 0, build.stdout
    with duckdb.connect(tmp_path / "home/serve/current/tenure.duckdb", read_only=True) as served:
        assert served.sql(
            "select count(*), sum(frequency), count(*) filter (frequency = 0)"
            " from clv.fct_customer_value"
        ).fetchall() == [(2_357, 2_457, 1_411)]
        [(frequency, recency, age)] = served.sql(
            "select frequency, recency_days / 7, age_days / 7 from clv.fct_customer_value"
            " where customer_id = '0001'"
        ).fetchall()
        assert (frequency, round(recency, 2), round(age, 2)) == (2, 30.43, 38.86)
        [(counted,)] = served.sql("select count(*) from core.fct_orders").fetchall()
        assert served.sql(
            "select reason, rows from meta.row_outcomes where outcome = 'not_counted'"
        ).fetchall() == [("after as_of", 6_919 - counted)]
