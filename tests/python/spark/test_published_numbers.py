"""Published results through Spark: CDNOW and Gehan's trial (see tests/python/data).

The same shops give the same numbers through DuckDB, in numbers/test_cdnow and
numbers/test_published_survival, which name the papers.
"""

import duckdb
import pytest
from builds import build_on_spark
from shops.published_shops import AS_OF, gehan_subscriptions, read_cdnow, write_subscriptions

pytestmark = [pytest.mark.spark, pytest.mark.torture]


@pytest.fixture(scope="module")
def cdnow(needs_spark, tmp_path_factory):
    """The 1/10 sample of CDNOW, as of the end of its first 39 weeks."""
    folder = tmp_path_factory.mktemp("cdnow")
    orders = read_cdnow("sample", ["master_id", "customer_id", "date", "cds", "amount"], skip=0)
    (folder / "raw/orders").mkdir(parents=True)
    orders[["order_id", "customer_id", "ordered_at", "amount"]].to_csv(
        folder / "raw/orders/sample.csv", index=False
    )
    variables = {"as_of_date": "1997-10-01", "clv_model": "bg_nbd"}
    file = build_on_spark(folder / "raw", folder / "home", variables)
    with duckdb.connect(file, read_only=True) as connection:
        yield connection


def test_customers_of_cdnow_have_the_published_histories(cdnow):
    assert cdnow.sql(
        "select count(*), sum(frequency), count(*) filter (frequency = 0)"
        " from clv.fct_customer_value"
    ).fetchall() == [(2_357, 2_457, 1_411)]
    assert cdnow.sql(
        "select frequency, recency_days, age_days from clv.fct_customer_value"
        " where customer_id = '0001'"
    ).fetchall() == [(2, 213, 272)]


@pytest.mark.parametrize(
    "model, parameters, tolerance, log_likelihood",
    [
        (
            "bg_nbd",
            {"r": 0.24259, "alpha": 4.4136, "a": 0.7929, "b": 2.4259},
            {"rel": 1e-4},
            -9582.429,
        ),
        ("gamma_gamma", {"p": 6.25, "q": 3.74, "v": 15.44}, {"abs": 5e-3}, -4055.918),
    ],
)
def test_fits_to_cdnow_are_the_published_ones(cdnow, model, parameters, tolerance, log_likelihood):
    rows = cdnow.execute(
        "select parameter, value, log_likelihood from clv.rpt_clv_parameters"
        " where model = ? and trained_on = 'all_data' and converged",
        [model],
    ).fetchall()
    assert {row[0]: row[1] for row in rows} == pytest.approx(parameters, **tolerance)
    assert {row[2] for row in rows} == {pytest.approx(log_likelihood, abs=1e-3)}


@pytest.fixture(scope="module")
def gehan(needs_spark, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gehan")
    write_subscriptions(folder / "raw", gehan=gehan_subscriptions())
    file = build_on_spark(folder / "raw", folder / "home", {"as_of_date": AS_OF.isoformat()})
    with duckdb.connect(file, read_only=True) as connection:
        yield connection


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
def test_gehans_survival_is_the_published_one(gehan, arm, survival, median):
    rows = gehan.execute(
        "select duration, round(survival, 4), median_duration"
        " from churn.rpt_subscription_survival where time_unit = 'day'"
        " and segment_name = 'first_plan_id' and segment_value = ?",
        [arm],
    ).fetchall()
    found = {duration: share for duration, share, _ in rows}
    assert {duration: found[duration] for duration in survival} == survival
    assert {row[2] for row in rows} == {median}
