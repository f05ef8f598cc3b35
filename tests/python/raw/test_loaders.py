"""Files that loaders and programs wrote are read right, or refused with what to do about it.

loaders/read was written by dlt 1.31.0 (dlt_*), pandas 3.1.1, polars 2.1.0, pyspark 4.3.0, duckdb
1.5.5, pyarrow 26.0.1 (ns.parquet) and MeltanoLabs' target-csv 0.5.0, which stopped behind its
heading (tcsv.csv). loaders/refused: a decimal256 (d256), an Int128 of polars (i128), and quotes
with a backslash before them, as Spark writes them.
"""

import shutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import run_dbt

from landing.inventory import inventory
from landing.layouts import MODELS

LOADERS = Path(__file__).parent / "loaders"
FLOAT = "customer_id was written as a number with .0"

# order_id: customer, time in UTC, amount, status, channel, test or not, remark
ORDERS = {
    "dltcsv-1": ("a", "2024-03-01 10:01:02", "24.9", None, None, False, None),
    "dltcsv-2": ("b", "2024-03-01 18:30:00", "5.1", "paid", "web", True, None),
    "dltcsv-3": (None, "2024-03-03 00:00:00", "7", "paid", "web", False, None),
    "dltparquet-1": ("a", "2024-03-01 10:01:02", "24.9", None, None, False, None),
    "dltparquet-2": ("b", "2024-03-01 18:30:00", "5.1", "paid", "web", True, None),
    "dltparquet-3": (None, "2024-03-03 00:00:00", "7", "paid", "web", False, None),
    # dlt had seen numbers before: what does not fit stands beside the column, and 0012 is 12
    "A-1": (None, "2024-03-02 10:01:02", "5.1", None, None, False, None),
    "7": ("12", "2024-03-02 00:00:00", "7.25", None, "web", False, None),
    "duck-1": ("a", "2024-03-10 12:00:00", "5.1", None, None, False, None),
    # the engine knows microseconds; to round up here would be the next month
    "ns-1": ("a", "2024-02-29 23:59:59.999999", "24.9", None, None, False, None),
    "ns-2": ("a", "2024-03-31 23:59:59.999999", "5.1", None, None, False, None),
    "pdcsv-1": ("5123456789012", "2024-03-01 09:01:02", "24.9", "paid", None, True, FLOAT),
    "pdcsv-2": ("7", "2024-06-30 22:00:00", "0.3", None, None, False, FLOAT),
    "pdcsv-3": (None, "2024-07-01 22:00:00", "5", None, None, False, None),
    "pdpq-1": ("5123456789012", "2024-03-01 09:01:02", "24.9", "paid", None, True, FLOAT),
    "pdpq-2": ("7", "2024-06-30 22:00:00", "0.3", None, None, False, FLOAT),
    "pdpq-3": (None, "2024-07-01 22:00:00", "5", None, None, False, None),
    "plcsv-1": ("a", "2024-03-01 10:01:02", "24.9", None, None, False, None),
    "plcsv-2": ("b", "2024-03-01 00:00:00", "5.1", None, "web", True, None),
    "plpq-1": ("a", "2024-03-01 10:01:02", "24.9", "paid", None, False, None),
    "plpq-2": ("b", "2024-03-01 00:00:00", "5.1", "paid", "web", True, None),
    "spark-1": ("a", "2024-03-01 10:01:02", "24.9", None, None, True, None),
    "spark-2": ("b", "2024-03-02 00:00:00.5", "5.1", "paid", "web", False, None),
    "sparkcsv-1": ("a", "2024-03-01 10:01:02", "24.9", None, None, True, None),
}


@pytest.fixture(scope="module")
def build(warehouse):
    """The warehouse with these files in staging."""
    shutil.rmtree(warehouse.raw_dir, ignore_errors=True)
    shutil.copytree(LOADERS / "read", warehouse.raw_dir)
    for path in warehouse.file.parent.iterdir():
        path.unlink()
    shutil.copy(warehouse.seeded, warehouse.file)
    warehouse.dbt("run", "--select", "+stg_order_records", "+stg_customers")
    return warehouse


def test_files_of_loaders_are_read_right(build):
    found = build.query(
        "select order_id, customer_id, ordered_at, original_amount, status, channel, is_test,"
        " remark from staging.stg_order_records where outcome = 'accepted'"
    )
    assert {row[0]: row[1:] for row in found} == {
        order: (customer, datetime.fromisoformat(time), Decimal(amount), *others)
        for order, (customer, time, amount, *others) in ORDERS.items()
    }


def test_a_float_in_words_of_ten_is_rejected(build):
    [(order, text)] = build.query(
        "select order_id, json_extract_string(raw_record, '$.amount')"
        " from staging.stg_order_records where outcome = 'rejected'"
    )
    assert (order, text) == ("sparkcsv-2", "1.23456789E7")


def test_a_float_meets_its_customer(build):
    assert build.query(
        "select count(*) from staging.stg_order_records inner join staging.stg_customers"
        " using (customer_id) where file like 'orders/pandas.%'"
    ) == [(4,)]


def test_a_heading_without_records_is_warned_of(new_home):
    done = run_dbt(LOADERS / "read", new_home(), "run", "--select", "stg_source_files")
    assert done.returncode == 0, done.stdout
    assert "a heading and no record: orders/tcsv.csv" in done.stdout


def test_what_cannot_be_read_rightly_is_refused():
    with pytest.raises(ValueError) as refused:
        inventory(LOADERS / "refused", MODELS)
    faults = str(refused.value).splitlines()
    assert len(faults) == 3
    for fault, file, words in zip(
        faults,
        ("d256.parquet", "i128.parquet", "spark_quotes.csv"),
        (
            ["column amount", "50 digits", "write it as decimal(38, 9)"],
            ["column order_id", "bytes", "cast it to Int64 or String"],
            ["as Spark writes it; write the file with .option('escape', '\"')"],
        ),
        strict=True,
    ):
        assert fault.startswith(f"orders/{file}: ")
        assert all(word in fault for word in words), fault
