"""Readers on the catalog: each build in a database of its own, and the views that lead there."""

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import lakehouse_steps as steps
import pytest
from builds import build_on_hive
from conftest import HISTORY, MARTS, ROOT

from orchestration.serving.versions import complete_versions, current_build
from orchestration.spark.lakehouse import database_of, stopped_change, viewed_build

MONDAY, TUESDAY, WEDNESDAY = (
    f"2026112{day}T020000Z-{name}" for day, name in ((3, "aa1111"), (4, "bb2222"), (5, "cc3333"))
)
ON_HIVE = {"TENURE_ENGINE": "spark", "SPARK_CATALOG": "hive", "TENURE_KEEP_VERSIONS": "2"}


def tables_of(build_id, **others):
    """Queries for a build of three tables."""
    return {
        "builds": f"select '{build_id}' as build_id",
        "fct_orders": f"select '{build_id}' as build_id, 12.50 as amount",
        "customers": f"select '{build_id}' as build_id",
        **others,
    }


class Hive:
    """Takes steps in a process with a metastore of its own."""

    def __init__(self, home):
        self._pool = ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), steps.open_home, (home, ON_HIVE)
        )

    def __call__(self, step, *arguments):
        return self._pool.submit(step, *arguments).result()

    def end(self):
        self._pool.shutdown()


@pytest.fixture(scope="module")
def killed(needs_spark, tmp_path_factory):
    """A home in which a night was killed when it had changed one view of three."""
    home = tmp_path_factory.mktemp("hive")
    doomed = Hive(home)
    doomed(steps.publish, home / "serve", MONDAY, tables_of(MONDAY))
    with pytest.raises(BrokenProcessPool):
        doomed(steps.publish_and_die, home / "serve", TUESDAY, tables_of(TUESDAY), "fct_orders")
    doomed.end()
    return home


@pytest.fixture(scope="module")
def process(killed):
    """The one process that can open the metastore after that."""
    process = Hive(killed)
    yield process
    process.end()


@pytest.fixture
def hive(process):
    """The same, with nothing published."""
    process(steps.forget_everything)
    return process


@pytest.fixture
def serve(tmp_path):
    return tmp_path / "home/serve"


@pytest.mark.spark
def test_a_night_that_is_killed_between_two_views_is_finished_by_the_next(process, killed):
    serve = killed / "serve"
    read = process(steps.views)
    assert read["customers"] == (TUESDAY,)
    assert (read["fct_orders"][0], read["builds"]) == (MONDAY, (MONDAY,))
    said = "may read two builds, for a change was stopped, and the file is " + TUESDAY
    assert said in stopped_change(serve)
    process(steps.finish)
    assert {row[0] for row in process(steps.views).values()} == {TUESDAY}
    assert (viewed_build(serve), stopped_change(serve)) == (TUESDAY, None)


@pytest.mark.spark
def test_views_go_to_the_new_build_with_other_columns_and_other_tables(hive, serve):
    hive(steps.publish, serve, MONDAY, tables_of(MONDAY, rpt_old="select 1 as n"))
    other = {"fct_orders": "select 7 as n, 'much' as amount", "rpt_new": "select 2 as n"}
    hive(steps.publish, serve, TUESDAY, tables_of(TUESDAY, **other))
    assert hive(steps.views) == {
        "builds": (TUESDAY,),
        "customers": (TUESDAY,),
        "fct_orders": (7, "much"),
        "rpt_new": (2,),
    }
    # A reader of one build has it as it was.
    before = f"select amount from {database_of(MONDAY)}.fct_orders"
    assert [str(amount) for (amount,) in hive(steps.rows, before)] == ["12.50"]


@pytest.mark.spark
def test_files_of_a_table_that_a_killed_night_began_are_in_nobodys_way(hive, serve):
    for database in ("core", "tenure_of_others", "staging"):
        hive(steps.create_marked if database != "staging" else steps.create, database)
        hive(steps.run, f"create table {database}.dim_dates using parquet as select 1 as n")
    hive(steps.run, "create view tenure_of_others.orders as select 1 as n")
    begun = Path(hive(steps.folder_of, "core")) / "dim_customers/_temporary"
    begun.mkdir(parents=True)
    (begun / "part-0.parquet").touch()
    query = "create table core.dim_customers using parquet as select 1 as n"
    assert "LOCATION_ALREADY_EXISTS" in hive(steps.failing, steps.run, query)
    models = ("core.dim_customers", "churn.rpt_mrr", "tenure_of_others.dim_dates")
    models += ("staging.dim_dates",)
    assert "a database staging with dim_dates in it" in hive(steps.failing, steps.refuse, models)
    hive(steps.drop_unpublished, models, ["core.dim_dates"])
    # In one of the others lies something that is not the project's, and one has no mark.
    assert hive(steps.databases) == ["default", "staging", "tenure_of_others"]
    hive(steps.run, "create database core")
    hive(steps.run, query)
    assert hive(steps.rows, "select n from tenure_of_others.dim_dates") == [(1,)]


@pytest.mark.spark
def test_databases_of_builds_that_are_no_versions_any_more_are_dropped(hive, serve):
    hive(steps.run, "create database tenure_of_somebody_else")
    old, of_another_home = (database_of(f"2026110{day}T000000Z-ff0000") for day in (1, 2))
    hive(steps.create_marked, old)
    hive(steps.create, of_another_home)
    for build_id in (MONDAY, TUESDAY, WEDNESDAY):
        hive(steps.publish, serve, build_id, tables_of(build_id))
    kept = [database_of(TUESDAY), database_of(WEDNESDAY)]
    assert [version.name for version in complete_versions(serve)] == [TUESDAY, WEDNESDAY]
    others = ["default", "serve", "tenure_of_somebody_else", of_another_home]
    assert hive(steps.databases) == sorted(kept + others)


@pytest.mark.spark
def test_a_build_that_cannot_be_written_leaves_everything_as_it_was(hive, serve):
    hive(steps.publish, serve, MONDAY, tables_of(MONDAY))
    before = hive(steps.databases), hive(steps.views)
    queries = tables_of(TUESDAY, rpt_new="select 1 / 0 as n")
    assert "DIVIDE_BY_ZERO" in hive(steps.failing, steps.publish, serve, TUESDAY, queries)
    assert (hive(steps.databases), hive(steps.views)) == before
    assert current_build(serve) == viewed_build(serve) == MONDAY


@pytest.mark.spark
def test_a_reader_finds_a_whole_build_at_any_moment(hive, serve):
    for build_id in (MONDAY, TUESDAY):
        hive(steps.publish, serve, build_id, tables_of(build_id, fct_orders="select 1 as n"))
    turns = [MONDAY, TUESDAY] * 6
    found = hive(steps.read_while_views_change, serve, turns, "customers")
    assert len(found) > 5
    assert {str(answer) for answer in found} <= {str([(MONDAY,)]), str([(TUESDAY,)])}


@pytest.mark.spark
def test_make_rollback_takes_the_views_along(hive, serve):
    for build_id in (MONDAY, TUESDAY):
        hive(steps.publish, serve, build_id, tables_of(build_id))
    code, printed = hive(steps.go_back, serve)
    assert (code, current_build(serve), viewed_build(serve)) == (0, MONDAY, MONDAY)
    assert f"-> {MONDAY}" in printed and "But" not in printed
    assert {row[0] for row in hive(steps.views).values()} == {MONDAY}
    # A version that another engine has made is in no database, and neither file nor view moves.
    hive(steps.run, f"drop database {database_of(TUESDAY)} cascade")
    code, printed = hive(steps.go_back, serve, "--to", TUESDAY)
    assert (code, current_build(serve)) == (1, MONDAY)
    assert f"Nothing was changed: Spark's catalog has no database {database_of(TUESDAY)}" in printed
    code, printed = hive(steps.go_back, serve, "--to", WEDNESDAY)
    assert (code, current_build(serve)) == (1, MONDAY)


@pytest.mark.spark
def test_views_that_did_not_follow_are_told_and_follow_when_asked_again(hive, serve):
    for build_id in (MONDAY, TUESDAY):
        hive(steps.publish, serve, build_id, tables_of(build_id))
    # Something that is no view has the name of one.
    hive(steps.run, "drop view serve.customers")
    hive(steps.run, "create table serve.customers (n int)")
    code, printed = hive(steps.go_back, serve)
    assert (code, current_build(serve), viewed_build(serve)) == (1, MONDAY, "")
    assert f"`make rollback TO={MONDAY}` lets them follow" in printed
    hive(steps.run, "drop table serve.customers")
    code, printed = hive(steps.go_back, serve, "--to", MONDAY)
    assert (code, viewed_build(serve)) == (0, MONDAY)
    assert {row[0] for row in hive(steps.views).values()} == {MONDAY}


RAW = """
create schema if not exists raw;
create table raw.orders using parquet as
select * from values ('1', 'c', '2025-01-02', '12.50'), ('2', 'c', '2025-01-03', 'much')
as given(order_id, customer_id, ordered_at, amount)
"""


@pytest.mark.spark
def test_the_steps_of_a_night_bring_marts_and_history_to_both_kinds_of_readers(
    needs_spark, tmp_path
):
    done = build_on_hive(tmp_path, RAW, "+source_files", "+int_as_of")
    assert done.returncode == 0, done.stdout[-3000:]
    process = Hive(tmp_path)
    started_at = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    process(steps.publish_built, MONDAY, started_at)
    query = "select table_name, rows_read, rows_accepted, rows_rejected from {}.source_files"
    of_file = "select build_id, as_of, started_at, finished_at, is_current from {}.builds"
    with duckdb.connect(tmp_path / "serve/current/tenure.duckdb", read_only=True) as connection:
        files = connection.execute(query.format("meta")).fetchall()
        builds = connection.execute(of_file.format("meta")).fetchall()
        names = connection.execute("select table_name from information_schema.tables").fetchall()
    assert files == [("orders", 2, 1, 1)] == process(steps.rows, query.format("serve"))
    assert builds == process(steps.rows, of_file.format(database_of(MONDAY)))
    assert builds[0][0] == MONDAY and builds[0][2] == started_at.replace(tzinfo=None)
    tables = process(steps.rows, f"show tables in {database_of(MONDAY)}")
    views = process(steps.rows, "show views in serve")
    assert sorted(names) == sorted((name,) for _, name, _ in tables)
    assert sorted(names) == sorted((name,) for _, name, _ in views)
    process.end()


def command(serve, name, *arguments):
    unset = {"TENURE_ENGINE", "SPARK_CATALOG"}
    return subprocess.run(
        [sys.executable, "-m", f"orchestration.{name}", *arguments],
        cwd=ROOT,
        env={key: text for key, text in os.environ.items() if key not in unset}
        | {"TENURE_HOME": str(serve.parent)},
        capture_output=True,
        text=True,
    )


def test_without_the_catalog_nothing_goes_back_and_what_differs_is_told(serve):
    for build_id in (MONDAY, TUESDAY):
        steps.write_version(serve, build_id)
    (serve / ".views").write_text(TUESDAY)
    done = command(serve, "rollback")
    assert done.returncode == 1 and current_build(serve) == TUESDAY
    assert "Nothing was changed: the views in serve" in done.stdout
    assert "Set TENURE_ENGINE=spark and SPARK_CATALOG as the nights have them" in done.stdout
    (serve / ".views").write_text(MONDAY)
    differs = f"he views in serve of Spark's catalog read {MONDAY}, and the file is {TUESDAY}"
    listed = command(serve, "rollback", "--list")
    assert listed.returncode == 0 and f"But t{differs}." in listed.stdout
    # TUESDAY may be of a night on DuckDB: then no view can read it.
    assert f"If {TUESDAY} was built on Spark, `make rollback TO={TUESDAY}` lets" in listed.stdout
    assert "`make spark` builds anew for both" in listed.stdout
    assert f"`make rollback TO={MONDAY}` goes back" in listed.stdout
    checked = command(serve, "check_published", "--max-age=36500d")
    assert checked.returncode == 1 and f"T{differs}" in checked.stdout
    (serve / ".views").unlink()
    assert command(serve, "check_published", "--max-age=36500d").returncode == 0
    assert command(serve, "rollback").returncode == 0


def test_a_table_has_one_name_over_all_schemas():
    """The views stand in one database."""
    names = [table.split(".")[1] for table in MARTS]
    assert len(set(names)) == len(names)
    assert "meta.builds" in HISTORY
