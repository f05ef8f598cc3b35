"""Publishing, on a small hand-made warehouse."""

import json
import os
import shutil
import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.serving.history import Build
from orchestration.serving.publish import build_id, publish
from orchestration.serving.versions import current_build, serve_version

START = datetime(2026, 11, 21, 22, 15, 30, tzinfo=UTC)


def node(path, schema, name, description="", materialized="table", **columns):
    return {
        "resource_type": "model",
        "original_file_path": f"{path}/{name}.sql",
        "schema": schema,
        "name": name,
        "description": description,
        "config": {"materialized": materialized},
        "columns": {column: {"description": text} for column, text in columns.items()},
    }


MANIFEST = {
    "nodes": {
        "stg": node("models/staging", "staging", "stg_orders"),
        "orders": node(
            "models/marts/core",
            "core",
            "fct_orders",
            "One row per order; it's what counts.",
            order_id="The shop's id.",
            amount="In the reporting currency.",
        ),
        "view": node(
            "models/marts/bi",
            "bi",
            "large_orders",
            "One row per large order; it's for charts.",
            materialized="view",
            order_id="The shop's id.",
        ),
        "files": node("models/marts/meta", "meta", "source_files", "One row per file."),
        "test": {"resource_type": "test", "original_file_path": "models/marts/core/fct_orders.yml"},
    }
}


VIEW = "with orders as (select * from core.fct_orders) select order_id from orders where amount > 9"


@pytest.fixture
def warehouse(tmp_path):
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("""
            create schema staging; create schema intermediate; create schema core;
            create schema meta; create schema bi;
            create table staging.stg_orders as select 'ann@example.com' as email;
            create table intermediate.int_as_of as select date '2024-07-01' as as_of;
            create table core.fct_orders as
                select range as order_id, (range / 3)::decimal(18, 2) as amount from range(1000);
            create table meta.source_files as
                select * from (values ('orders', 'b.csv', 'bb'), ('orders', 'a.csv', 'aa'))
                as files (table_name, file, sha256);
        """)
        connection.execute(f"create view bi.large_orders as {VIEW}")
    return file


@pytest.fixture
def run(tmp_path, warehouse):
    """Publish the build that started so many nights after START."""

    def run_night(night=0):
        started_at = START + timedelta(days=night)
        build = Build(
            build_id=build_id(started_at, f"ab12cd{night:02}-0000"),
            started_at=started_at,
            git_sha="1" * 40,
            versions={"duckdb": duckdb.__version__},
            variables={"as_of_date": ""},
        )
        return publish(
            build, MANIFEST, warehouse=warehouse, serve=tmp_path / "serve", scratch=tmp_path / "tmp"
        )

    return run_night


def query(serve, sql):
    with duckdb.connect(str(serve / "current" / "tenure.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_build_is_named_after_its_start_and_run():
    assert build_id(START, "ab12cd34-5678-90ab") == "20261121T221530Z-ab12cd"


def test_marts_are_published_and_nothing_else(run, tmp_path):
    published = run()
    assert published.as_of == date(2024, 7, 1)
    assert published.rows == {
        "bi.large_orders": 972,
        "core.fct_orders": 1000,
        "meta.builds": 1,
        "meta.reported_values": 0,
        "meta.restatements": 0,
        "meta.source_files": 2,
    }
    tables = query(
        tmp_path / "serve",
        "select table_schema || '.' || table_name from information_schema.tables",
    )
    assert sorted(name for (name,) in tables) == sorted(published.rows)
    assert b"ann@example.com" not in published.file.read_bytes()


def test_the_catalog_and_the_types_are_those_of_the_marts(run, tmp_path):
    run()
    serve = tmp_path / "serve"
    assert query(serve, "select current_catalog()") == [("tenure",)]
    assert query(
        serve, "select max(amount)::varchar, typeof(any_value(amount)) from core.fct_orders"
    ) == [("333.00", "DECIMAL(18,2)")]


def test_old_clients_can_read_the_file(run, tmp_path):
    run()
    [(options,)] = query(
        tmp_path / "serve", "select tags from duckdb_databases() where not internal"
    )
    assert options["storage_version"].startswith("v1.0.0")


def test_descriptions_become_comments(run, tmp_path):
    run()
    serve = tmp_path / "serve"
    assert query(serve, "select comment from duckdb_tables() where table_name = 'fct_orders'") == [
        ("One row per order; it's what counts.",)
    ]
    assert query(
        serve,
        "select column_name, comment from duckdb_columns() where table_name = 'fct_orders'"
        " order by column_index",
    ) == [("order_id", "The shop's id."), ("amount", "In the reporting currency.")]
    assert query(
        serve,
        "select count(*), count(comment) from duckdb_columns() where table_name = 'builds'",
    ) == [(14, 14)]
    assert query(serve, "select comment from duckdb_views() where view_name = 'large_orders'") == [
        ("One row per large order; it's for charts.",)
    ]
    assert query(serve, "select comment from duckdb_columns() where table_name = 'large_orders'")


@pytest.mark.parametrize("name", ["tenure", "other", "it's another"])
def test_a_view_works_under_any_name_of_the_file_or_the_catalog(run, tmp_path, name):
    """It reads the tables beside it, also where the connection has other ones of these names."""
    file = run().file
    look = "select count(*), min(order_id) from {}bi.large_orders"
    copy = shutil.copy(file, tmp_path / f"{name}.duckdb")
    with duckdb.connect(copy, read_only=True, config={"enable_external_access": "false"}) as served:
        assert served.execute(look.format("")).fetchall() == [(972, 28)]
    with duckdb.connect() as connection:
        connection.execute("create schema core")
        connection.execute("create table core.fct_orders as select 1 as order_id, 10 as amount")
        catalog = f'"{name}"'
        connection.execute(f"attach '{file}' as {catalog} (read_only)")
        assert connection.execute(look.format(f"{catalog}.")).fetchall() == [(972, 28)]


def test_a_view_that_names_its_database_is_not_published(run, warehouse):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            f"create or replace view bi.large_orders as {VIEW}".replace("core.", "warehouse.core.")
        )
    with pytest.raises(duckdb.Error, match="warehouse"):
        run()


def test_parquet_stands_beside(run, tmp_path):
    published = run()
    parquet = tmp_path / "serve" / "current" / "parquet"
    for table, rows in published.rows.items():
        file = parquet / f"{table.replace('.', '/')}.parquet"
        assert duckdb.sql(f"select count(*) from '{file}'").fetchall() == [(rows,)]


def test_current_is_a_relative_link_and_nobody_may_write(run, tmp_path):
    published = run()
    serve = tmp_path / "serve"
    assert os.readlink(serve / "current") == "versions/20261121T221530Z-ab12cd"
    assert current_build(serve) == "20261121T221530Z-ab12cd"
    files = [path for path in published.file.parent.rglob("*") if path.is_file()]
    assert len(files) == 7
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o444}
    assert not list(serve.rglob("*.wal"))


def test_builds_are_carried_forward_with_one_current(run, tmp_path):
    for night in range(3):
        run(night)
    builds = query(
        tmp_path / "serve", "select build_id, as_of, started_at, is_current from meta.builds"
    )
    assert [build[0] for build in builds] == [
        build_id(START + timedelta(days=night), f"ab12cd{night:02}") for night in range(3)
    ]
    assert builds[0][2] == START.replace(tzinfo=None)
    assert [build[3] for build in builds] == [False, False, True]


def builds(serve):
    return query(serve, "select build_id[:8], is_current from meta.builds order by build_id")


def test_a_night_with_its_clock_in_the_future_loses_no_later_night(run, tmp_path):
    serve = tmp_path / "serve"
    for night in (0, 400, 1, 2):
        run(night)
    nights = ["20261121", "20261122", "20261123", "20271226"]
    assert builds(serve) == [(night, night == "20261123") for night in nights]
    # Nor does a rollback to a night before all of them.
    serve_version(serve, build_id(START, "ab12cd00"))
    run(3)
    assert [name for name, _ in builds(serve)] == [*nights[:3], "20261124", nights[3]]


def test_a_version_that_cannot_be_read_does_not_stop_the_next_night(run, tmp_path, caplog):
    for night in (0, 1):
        run(night)
    damaged = tmp_path / "serve/versions" / build_id(START, "ab12cd00") / "tenure.duckdb"
    damaged.chmod(0o644)
    damaged.write_text("no database")
    run(2)
    assert [name for name, _ in builds(tmp_path / "serve")] == ["20261121", "20261122", "20261123"]
    assert f"{damaged.parent} cannot be read" in caplog.text


def test_a_file_of_a_newer_release_is_carried_forward_with_the_columns_that_both_have(
    run, tmp_path
):
    newer = run(0).file
    newer.chmod(0o644)
    with duckdb.connect(str(newer)) as connection:
        connection.execute("alter table meta.builds add column approved_by varchar default 'ann'")
        connection.execute("alter table meta.builds drop column volume_drop_reason")
        connection.execute("drop view meta.reported_values")
        connection.execute("alter table meta.restatements add column approved_by varchar")
        connection.execute(
            "insert into meta.restatements (build_id, key) values ('20261121T221530Z-ab12cd', 'k')"
        )
    run(1)
    run(2)
    serve = tmp_path / "serve"
    assert (
        query(serve, "select git_sha[:1], volume_drop_reason from meta.builds") == [("1", None)] * 3
    )
    assert query(serve, "select build_id, key from meta.restatements") == [
        ("20261121T221530Z-ab12cd", "k")
    ]


def test_a_build_says_what_it_was_made_of(run, tmp_path, warehouse):
    run(0)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update meta.source_files set sha256 = 'cc' where file = 'b.csv'")
    run(1)
    first, second = query(
        tmp_path / "serve",
        "select git_sha, versions, vars, inputs_hash from meta.builds",
    )
    assert first[0] == "1" * 40
    assert json.loads(first[1]) == {"duckdb": duckdb.__version__}
    assert json.loads(first[2]) == {"as_of_date": ""}
    assert len(first[3]) == 64 and first[3] != second[3]


def test_a_new_connection_sees_the_new_build_and_an_open_one_the_old(run, tmp_path):
    run(0)
    serve = tmp_path / "serve"
    with duckdb.connect(
        str((serve / "current").resolve() / "tenure.duckdb"), read_only=True
    ) as old:
        run(1)
        assert old.execute("select count(*) from meta.builds").fetchall() == [(1,)]
    assert query(serve, "select count(*) from meta.builds") == [(2,)]


@pytest.mark.parametrize(
    "step",
    [
        "publish._copy_mart",
        "publish.write_history",
        "publish._create_views",
        "publish._write_parquet",
        "versions._make_durable",
        "versions.flush_to_disk",
        "versions._flip",
    ],
)
def test_whatever_fails_before_the_flip_leaves_what_was_served(run, tmp_path, monkeypatch, step):
    before = run(0)
    content = before.file.read_bytes()

    def fail(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"orchestration.serving.{step}", fail)
        with pytest.raises(OSError, match="no space"):
            run(1)
    assert (tmp_path / "serve" / "current" / "tenure.duckdb").read_bytes() == content
    run(2)
    assert current_build(tmp_path / "serve").startswith("20261123")


def test_a_path_with_a_quote_is_only_a_path(tmp_path, warehouse):
    odd = Path(tmp_path / "it's served")
    build = Build("20261121T221530Z-ab12cd", START, None, {}, {})
    published = publish(
        build, MANIFEST, warehouse=warehouse, serve=odd, scratch=tmp_path / "it's tmp"
    )
    assert published.file.exists()
