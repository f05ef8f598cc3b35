"""The benchmark's parts: its data, its hand-written SQL, and how the two results are compared."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT

from benchmarks.compare import differences
from benchmarks.generate import Raw, generate
from benchmarks.spark import Stage, busy_seconds, expected_wall, stages

ORDERS = 2_000


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    generate(folder, ORDERS)
    return folder


def content(folder: Path):
    return {
        file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def test_the_same_size_gives_the_same_bytes_each_time_and_another_seed_others(raw, tmp_path):
    generate(tmp_path / "again", ORDERS)
    generate(tmp_path / "other", ORDERS, seed=43)
    assert content(tmp_path / "again") == content(raw)
    assert content(tmp_path / "other") != content(raw)


def test_there_are_as_many_orders_as_asked_for_and_some_of_everything_that_happens(raw):
    rows = duckdb.sql(
        f"""
        with records as (
            select order_id, customer_id, status, currency, amount, ordered_at, updated_at
            from read_csv('{raw}/orders/*.csv')
            union all by name
            select order_id, customer_id, status, currency, amount, ordered_at, updated_at
            from '{raw}/orders/*.parquet'
        )
        select
            count(distinct order_id), bool_and(amount > 0), bool_and(updated_at >= ordered_at),
            count(distinct order_id) filter (customer_id is null) / {ORDERS},
            count(*) filter (status = 'cancelled') / {ORDERS},
            count(distinct order_id) filter (currency = 'EUR') / {ORDERS},
            count(distinct order_id) / count(distinct customer_id)
        from records
        """
    ).fetchall()
    [(orders, is_positive, is_in_order, guests, cancelled, euros, per_customer)] = rows
    assert (orders, is_positive, is_in_order) == (ORDERS, True, True)
    assert guests == pytest.approx(0.08, abs=0.01)
    assert cancelled == pytest.approx(0.03, abs=0.015)
    assert euros == pytest.approx(0.1, abs=0.03)
    assert 1.5 < per_customer < 5
    counts = Raw(raw, ORDERS).rows()
    assert counts["orders"] > ORDERS
    assert counts["subscriptions"] == ORDERS / 50 * 3
    assert all(counts[table] for table in ("customers", "refunds", "marketing_spend"))
    assert counts["milestones"] == pytest.approx(counts["customers"] / 3, rel=0.2)


def test_the_hand_written_sql_makes_what_the_raw_files_say(raw, tmp_path):
    subprocess.run(
        [sys.executable, "-m", "benchmarks.floor", raw, tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    with duckdb.connect(str(tmp_path / "tenure.duckdb"), read_only=True) as connection:
        [counts] = connection.execute(
            f"""
            select
                (select count(*) from core.fct_orders),
                (select sum(original_amount) from core.fct_orders),
                (select count(*) from duckdb_tables()),
                (select count(*) from '{tmp_path}/parquet/core/fct_orders.parquet')
            """
        ).fetchall()
        [expected] = connection.execute(
            f"""
            with records as (
                select order_id, status, amount from '{raw}/orders/*.parquet'
                union all
                select order_id, status, amount from '{raw}/orders/*.csv'
            )
            select count(*), sum(amount::decimal(18, 4)), 22, count(*)
            from records
            where order_id not in (select order_id from records where status = 'cancelled')
            """
        ).fetchall()
    assert counts == expected


@pytest.fixture
def file(tmp_path):
    """Write a file with two tables; the caller says what is in one of them."""

    def write(name, rows):
        path = tmp_path / name
        with duckdb.connect(str(path)) as connection:
            connection.execute("create schema core; create table core.same as select 1 as a")
            connection.execute(
                "create table core.facts as select day::date as day, name, amount::decimal(18, 2)"
                f" as amount, rate::double as rate from ({rows}) as t (day, name, amount, rate)"
            )
        return path

    return write


ROWS = "values ('2025-01-01', 'a', 1.50, 0.1), ('2025-01-02', null, 2.50, 0.2)"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (ROWS, []),
        ("values ('2025-01-02', null, 2.50, 0.2), ('2025-01-01', 'a', 1.50, 0.1)", []),
        (ROWS.replace("0.2", "0.20000000001"), []),
        (ROWS.replace("0.2", "0.2000001"), ["sum of rate"]),
        (ROWS.replace("0.2", "null"), ["values of rate", "sum of rate"]),
        (ROWS.replace("2.50", "2.51"), ["exact columns", "column amount"]),
        (ROWS.replace("null", "'b'"), ["exact columns", "column name"]),
        # Each column has the same values, but on other rows.
        (ROWS.replace("1.50", "x").replace("2.50", "1.50").replace("x", "2.50"), ["exact columns"]),
    ],
)
def test_a_difference_is_found_and_named_but_not_the_order_of_rows(file, rows, found):
    lines, left_out = differences(file("published", ROWS), file("by hand", rows))
    assert [line.split(": ")[1] for line in lines] == found
    assert left_out == []


def test_a_table_that_the_floor_does_not_make_is_told(file, tmp_path):
    published = file("published", ROWS)
    with duckdb.connect(str(tmp_path / "by hand")) as connection:
        connection.execute("create schema core; create table core.same as select 1 as a")
    assert differences(published, tmp_path / "by hand") == ([], ["core.facts"])


def test_spark_tells_which_task_holds_how_many_rows_of_which_table(tmp_path):
    plan = (
        "(5) Execute InsertIntoHadoopFsRelationCommand\nInput: []\n"
        "Arguments: file:/warehouse/cohorts.db/rpt_x, false, Parquet, Overwrite, [k]\n"
    )

    def task(stage, read, shuffled, collected):
        metrics = {
            "Input Metrics": {"Records Read": read},
            "Shuffle Read Metrics": {"Total Records Read": shuffled},
            "Executor Run Time": 1500,
            "Disk Bytes Spilled": 7,
            "Result Size": collected,
        }
        return {
            "Event": "SparkListenerTaskEnd",
            "Stage ID": stage,
            "Task Info": {"Launch Time": 500, "Finish Time": 2500},
            "Task Metrics": metrics,
        }

    sql = "org.apache.spark.sql.execution.ui"
    events = [
        {
            "Event": f"{sql}.SparkListenerSQLExecutionStart",
            "executionId": 2,
            "physicalPlanDescription": plan,
        },
        {
            "Event": f"{sql}.SparkListenerSQLExecutionStart",
            "executionId": 3,
            "physicalPlanDescription": "(1) Range",
        },
        {
            "Event": "SparkListenerJobStart",
            "Stage IDs": [0],
            "Properties": {"spark.sql.execution.id": "2"},
        },
        {
            "Event": "SparkListenerJobStart",
            "Stage IDs": [1, 2],
            "Properties": {"spark.sql.execution.id": "3"},
        },
        task(0, 30, 0, 10),
        task(0, 0, 10, 10),
        task(1, 5, 0, 99),
        # A task that failed has no metrics, and a stage that was skipped has no task.
        {"Event": "SparkListenerTaskEnd", "Stage ID": 2, "Task Metrics": None},
    ]
    log = tmp_path / "log"
    log.write_text("\n".join(map(json.dumps, events)), encoding="utf-8")
    written, asked = stages(log)
    assert (written.table, written.rows, written.largest_share) == ("cohorts.rpt_x", [30, 10], 0.75)
    assert (written.seconds, written.times) == ([1.5, 1.5], [(0.5, 2.5), (0.5, 2.5)])
    assert (written.spilled, written.collected) == (14, 20)
    assert (asked.table, asked.rows, asked.collected) == ("", [5], 99)


def test_more_cores_shorten_only_the_time_in_which_tasks_can_be_divided():
    even = Stage(seconds=[2, 2, 2, 2], times=[(10, 12), (10, 12), (12, 14), (12, 14)])
    alone = Stage(seconds=[3], times=[(13, 16)])
    # Tasks run from 10 to 16. Two cores take 4 s for the first stage, and four take 2.
    assert busy_seconds([even, alone]) == 6
    assert expected_wall(100, [even, alone], 2, 4) == pytest.approx(94 + 6 * (2 + 3) / (4 + 3))
    assert expected_wall(100, [even, alone], 2, 40) == expected_wall(100, [even, alone], 2, 4)
    assert expected_wall(100, [even, alone], 4, 40) == 100
    assert expected_wall(100, [], 2, 4) == 100
