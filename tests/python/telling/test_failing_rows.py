"""The key of a row that a failing test found: it helps, and it is never more than a key."""

import re
import time

import duckdb
import pytest

from orchestration.telling import failing_rows
from orchestration.telling.failing_rows import failing_row_key
from orchestration.telling.failures import Failure, build_failures


@pytest.fixture
def sample(tmp_path):
    """A function that returns the key of a failing row of a test with this SQL."""
    (tmp_path / "build").mkdir()
    warehouse = tmp_path / "build/warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema core")
        connection.execute(
            "create table core.orders as select 1001 as order_id, 'orders/a.csv' as file,"
            " 'Ann Example' as name, 'ann@example.com' as email, 'call me' as note"
        )

    def run(query, column=None):
        (tmp_path / "test.sql").write_text(query)
        return failing_row_key(tmp_path / "test.sql", warehouse, tmp_path / "tmp", column)

    return run


def test_a_sample_is_the_key_of_a_row_and_nothing_else_of_it(sample):
    query = 'select * from "warehouse"."core"."orders" -- and a comment'
    assert sample(query) == "order_id=1001, file=orders/a.csv"


def test_an_email_is_shown_under_no_name(sample):
    query = "select email as customer_id, order_id from core.orders"
    assert sample(query) == "customer_id=(hidden), order_id=1001"


@pytest.mark.parametrize("field", ["unique_field", "value_field", "from_field"])
def test_the_tests_of_dbt_name_the_column_that_they_are_about(sample, field):
    query = f"select order_id as {field}, 2 as n_records from core.orders"
    assert sample(query, "order_id") == "order_id=1001"
    assert sample(query.replace("order_id", "name"), "name") is None
    assert sample(query) is None


def test_a_part_of_the_key_that_is_missing_is_shown_as_such(sample):
    assert sample("select null as order_id, date '2025-01-01' as month") == (
        "order_id=NULL, month=2025-01-01"
    )


def test_a_sample_stays_on_one_short_line(sample):
    long = sample(
        "select 'a\nb' || repeat('x', 9000) as a_id, 'two' as b_id,"
        " repeat('y', 99) as c_id, repeat('z', 99) as d_id"
    )
    assert long.startswith("a_id=a bxxx") and "xx, b_id=two, c_id=yy" in long
    assert len(long) <= 200 and "\n" not in long


@pytest.mark.parametrize(
    "query",
    [
        "",
        "select order_id from core.dropped",
        "select order_id from core.orders where false",
        "select name, email, note from core.orders",
        "select error('no') as order_id from core.orders",
        "drop table core.orders",
        "select 1 as order_id) limit 1; drop table core.orders; from (select 1 as order_id",
    ],
)
def test_whatever_goes_wrong_there_is_just_no_sample(sample, query):
    assert sample(query) is None
    assert sample("select order_id from core.orders") == "order_id=1001"


def test_no_warehouse_no_sample(tmp_path):
    (tmp_path / "test.sql").write_text("select 1 as order_id")
    assert failing_row_key(tmp_path / "test.sql", tmp_path / "none.duckdb", tmp_path) is None
    assert failing_row_key(tmp_path / "none.sql", tmp_path / "none.duckdb", tmp_path) is None
    assert not (tmp_path / "none.duckdb").exists()


def test_a_query_that_takes_long_is_given_up(sample, monkeypatch):
    monkeypatch.setattr(failing_rows, "_SECONDS", 0.2)
    began = time.monotonic()
    assert sample("select count(*) as order_id from range(1000000) a, range(1000000) b") is None
    assert time.monotonic() - began < 10


def test_a_failing_test_brings_its_sample_along(sample, tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    names = [f"orders_test_{number}" for number in range(7)]
    nodes = {
        name: {
            "resource_type": "test",
            "name": name,
            "package_name": "tenure",
            "original_file_path": f"tests/data/{name}.sql",
            "path": f"{name}.sql",
        }
        for name in names
    }
    folder = tmp_path / "compiled/tenure/tests/data"
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.sql").write_text("from core.orders")
    results = ",".join(
        f'{{"unique_id": "{name}", "status": "fail", "message": "Got 1 result", "failures": 1}}'
        for name in names
    )
    (tmp_path / "run_results.json").write_text(f'{{"results": [{results}]}}')
    failures = build_failures(tmp_path, {"nodes": nodes}, "dbt failed")
    assert failures[0] == Failure(
        "test",
        names[0],
        "Got 1 result",
        rows=1,
        compiled=str(folder / f"{names[0]}.sql"),
        sample="order_id=1001, file=orders/a.csv",
    )
    # Only so many failures are shown.
    assert [failure.sample is not None for failure in failures] == [True] * 5 + [False] * 2


def test_every_key_of_a_model_has_a_column_to_show(manifest):
    tests = [
        node
        for node in manifest["nodes"].values()
        if (node.get("test_metadata") or {}).get("name") == "unique_key"
        # The words of a seed may look like names of people. Its owner has the file open anyway.
        and node["attached_node"].startswith("model.")
    ]
    assert tests
    shown = {
        column
        for test in tests
        for column in test["test_metadata"]["kwargs"]["columns"]
        if failing_rows._is_key(column)
    }
    for test in tests:
        assert shown & set(test["test_metadata"]["kwargs"]["columns"]), test["name"]


def test_no_text_of_people_is_a_key(manifest):
    texts = re.compile(
        r"mail|(?<!segment_)(?<!table_)name$|reason|note|comment|phone|address(?!_id)|raw"
    )
    columns = {
        name
        for node in [*manifest["nodes"].values(), *manifest["sources"].values()]
        for name in node.get("columns", {})
        if texts.search(name)
    }
    assert "email" in columns
    assert not [name for name in columns if failing_rows._is_key(name)]
