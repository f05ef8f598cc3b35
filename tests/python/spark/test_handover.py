"""The private warehouse that is made of Spark's files, and the rows that failed tests found."""

import json
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlparse
from urllib.request import url2pathname

import duckdb
import pytest

from orchestration.spark.handover import list_tables, make_warehouse
from orchestration.telling.failing_rows import keep_rows, kept_row_key

NOT_NULL = {"customer_id": {"constraints": [{"type": "not_null"}]}, "seen_at": {"constraints": []}}


def node(schema, name, materialized, path, columns=None):
    return {
        **{"schema": schema, "name": name, "resource_type": "model", "columns": columns or {}},
        **{"config": {"materialized": materialized}, "package_name": "tenure", "path": path},
        "original_file_path": f"models/{path}",
    }


def warehouse_of(tmp_path, rows):
    """A warehouse of one mart with these rows, and of a view on it."""
    file = tmp_path / "it's 1.parquet"
    quoted = str(file).replace("'", "''")
    given = f"select * from (values {rows}) as given(customer_id, seen_at)"
    duckdb.sql(f"copy ({given}) to '{quoted}' (format parquet)")
    files = {"core.fct_visits": [str(file)], "seeds.plays": [str(file)]}
    (tmp_path / "tables.json").write_text(json.dumps(files))
    view = tmp_path / "compiled/tenure/models/marts/bi/visits.sql"
    view.parent.mkdir(parents=True)
    view.write_text("select customer_id from core.fct_visits -- of all times\n")
    manifest = {
        "nodes": {
            "a": node("core", "fct_visits", "table", "marts/core/fct_visits.sql", NOT_NULL),
            "b": node("bi", "visits", "view", "marts/bi/visits.sql"),
            "c": node("staging", "stg_visits", "view", "staging/stg_visits.sql"),
            "d": node("seeds", "plays", "seed", "plays.csv") | {"resource_type": "seed"},
        }
    }
    warehouse = tmp_path / "warehouse.duckdb"
    make_warehouse(manifest, tmp_path, tmp_path, warehouse, tmp_path / "tmp")
    return warehouse


def test_times_are_utc_without_a_zone_and_views_of_readers_are_views(tmp_path):
    file = warehouse_of(tmp_path, "('c1', timestamptz '2025-01-02 03:00:00+02:00')")
    with duckdb.connect(file, read_only=True) as connection:
        [row] = connection.execute(
            "select customer_id, seen_at::varchar from core.fct_visits"
        ).fetchall()
        assert row == ("c1", "2025-01-02 01:00:00")
        assert connection.execute("from bi.visits").fetchall() == [("c1",)]
        kinds = connection.execute(
            "select table_schema, table_type from information_schema.tables order by all"
        ).fetchall()
        # dbt on DuckDB, started by hand, would refuse to put a seed where a view is.
        assert kinds == [("bi", "VIEW"), ("core", "VIEW"), ("seeds", "BASE TABLE")]


def test_a_null_that_the_contract_forbids_is_refused_by_name(tmp_path):
    rows = "('c1', timestamptz '2025-01-02 03:00:00+00:00'), (null, null), (null, null)"
    with pytest.raises(ValueError, match=r"core\.fct_visits\.customer_id is empty in 2 rows"):
        warehouse_of(tmp_path, rows)


def session_of(rows, written):
    """A session with a table of Iceberg, of which the driver sees `written` rows when copied."""

    def write(uri):
        folder = Path(url2pathname(urlparse(uri).path))
        folder.mkdir(parents=True)
        (folder / "_SUCCESS").touch()
        if written:
            query = f"select 1 as n from range({written})"
            duckdb.sql(f"copy ({query}) to '{folder}/part-0.parquet' (format parquet)")

    table = SimpleNamespace(count=lambda: rows, write=SimpleNamespace(parquet=write))
    return SimpleNamespace(table=lambda name: table)


def test_a_copy_in_a_folder_that_not_all_machines_see_is_refused_by_the_name_of_the_table(tmp_path):
    list_tables(session_of(5, 5), ["core.dim_dates"], tmp_path / "all", "iceberg")
    files = json.loads((tmp_path / "all/tables.json").read_text())
    assert files == {"core.dim_dates": [str(tmp_path / "all/tables/core.dim_dates/*.parquet")]}
    for written in (0, 3):
        folder = tmp_path / str(written)
        with pytest.raises(ValueError, match=r"core\.dim_dates has 5 rows in Spark") as refusal:
            list_tables(session_of(5, written), ["core.dim_dates"], folder, "iceberg")
        said = f"{folder} must be a folder that all machines of Spark see"
        assert f"and {written} in" in str(refusal.value) and said in str(refusal.value)
        assert not (folder / "tables.json").exists()


def test_the_key_of_a_kept_row_is_told_as_that_of_a_queried_one(tmp_path):
    keep_rows(tmp_path, {"test.a": {"order_id": "o1", "email": "x@y.org", "n": 3}, "test.b": {}})
    assert kept_row_key(tmp_path, "test.a") == "order_id=o1"
    assert kept_row_key(tmp_path, "test.b") is None
    assert kept_row_key(tmp_path, "test.c") is None
    assert kept_row_key(tmp_path / "none", "test.a") is None
