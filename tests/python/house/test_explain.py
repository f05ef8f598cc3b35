"""What `make explain` says beside its bridge: the records behind a row, what else may differ."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from comparison.behind import records_behind
from comparison.explain import State, _what_else
from orchestration import paths
from orchestration.restating.watched import Report

REPORT = Report({"schema": "cohorts", "name": "rpt", "columns": {}}, [], [], ["orders"], {})
PLACE = {
    "grain": "month",
    "start": "2025-03-01",
    "cohort": None,
    "segment_name": "all",
    "segment_value": "all",
}


def published(file, amount):
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema core")
        connection.execute(
            "create table core.fct_orders as select 'o-1' as order_id, 'ada' as customer_id,"
            f" date '2025-03-05' as order_date, {amount}::decimal(18, 2) as net_amount"
        )
    return file


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    (tmp_path / "build").mkdir()
    return published(tmp_path / "a.duckdb", 10), published(tmp_path / "b.duckdb", 25)


def fill(warehouse):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create schema staging; create table staging.stg_order_records as"
            " select 'o-1' as order_id, 'orders/late.csv' as file, 'accepted' as outcome,"
            " null::varchar as superseded_reason"
        )


def test_the_orders_behind_a_row_have_their_files(files):
    fill(paths.warehouse())
    assert records_behind(*files, REPORT, PLACE) == [
        "1 orders of 1 customers differ up to the period's end:",
        "  customer ada: order o-1 of 2025-03-05: 10.00 -> 25.00; orders/late.csv (accepted)",
    ]


HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["missing", "busy", "incomplete"])
def test_without_the_private_warehouse_the_orders_are_shown_and_a_line_says_why(files, state):
    if state == "incomplete":
        duckdb.connect(str(paths.warehouse())).close()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD if state == "busy" else "", str(paths.warehouse())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        lines = records_behind(*files, REPORT, PLACE)
        process.stdin.close()
    assert lines[1] == "  customer ada: order o-1 of 2025-03-05: 10.00 -> 25.00"
    [why] = lines[2:]
    assert why.startswith("  The files of these orders are not shown")
    assert Path(paths.warehouse()).name in why or "stg_order_records" in why


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ("1.5.5", "Raw files, code, settings and software are the same. The cause is not known."),
        ("1.5.6", "software is not (meta.builds.versions)."),
    ],
)
def test_where_nothing_on_record_differs_only_software_may_be_another_one(versions, said):
    before, after = (
        State({"versions": f'{{"duckdb": "{version}"}}'}, Path("tenure.duckdb"))
        for version in ("1.5.5", versions)
    )
    assert _what_else(before, after).endswith(said)
