"""The nightly job from outside, on the sample: what it publishes, what survives a failure."""

import os
import re
import shutil
import subprocess
from typing import NamedTuple

import duckdb
import pytest
from conftest import MARTS, ROOT, SAMPLE, VIEWS, contents, fingerprint, project_copy, run_build
from killed_nightly import BY_NAME
from nights import Nights
from parsed_project import copy_home
from readers.reader_processes import Read, check, readers


@pytest.fixture
def home(build, built_home, tmp_path_factory):
    """A copy of the home of `build`, for another build."""
    return copy_home(built_home, tmp_path_factory.mktemp("home") / "copy")


def test_a_good_run_is_short_and_ends_with_what_was_published(build):
    lines = build.stdout.splitlines()
    assert len(lines) <= 60
    assert any("as of 2025-12-18" in line for line in lines)
    for mart in MARTS:
        assert any(re.search(rf"{mart} +[\d,]+ rows", line) for line in lines), mart
    assert any("conflict: nothing tells which content is newer" in line for line in lines)
    assert sum("utm_campaign" in line for line in lines) == 1


def test_only_marts_are_published_each_described(served):
    tables = served.sql(
        "select schema_name || '.' || table_name, comment from duckdb_tables()"
    ).fetchall()
    views = served.sql(
        "select schema_name || '.' || view_name, comment from duckdb_views() where not internal"
    ).fetchall()
    assert {name for name, _ in tables} == MARTS - VIEWS
    assert {name for name, _ in views} == VIEWS
    assert all(comment for _, comment in tables + views)
    assert served.sql("select current_catalog()").fetchall() == [("tenure",)]
    assert not served.sql(
        "select table_name, column_name from duckdb_columns()"
        " where comment is null and not internal"
    ).fetchall()


def test_every_column_of_the_private_warehouse_is_described(build, built_home, manifest):
    described = {
        (node["schema"], node["name"], column["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
        for column in node["columns"].values()
        if column["description"]
    }
    with duckdb.connect(built_home / "build/warehouse.duckdb", read_only=True) as connection:
        columns = connection.sql(
            "select schema_name, table_name, column_name from duckdb_columns() where not internal"
        ).fetchall()
    assert set(columns) == described


def test_types_are_those_that_are_promised(served):
    types = served.sql(
        "select distinct data_type from duckdb_columns() where not internal"
    ).fetchall()
    assert {re.sub(r"\(.*", "", name) for (name,) in types} <= {
        "VARCHAR",
        "BIGINT",
        "DOUBLE",
        "DECIMAL",
        "BOOLEAN",
        "DATE",
        "TIMESTAMP",
    }
    assert not served.sql(
        "select column_name from duckdb_columns() where data_type = 'DOUBLE'"
        " and column_name similar to '.*(mrr|revenue|amount|margin|value|arr|arpa)'"
        # the value of a parameter is no money, that of a KPI may be a share, p is a probability
        " and table_name not in ('rpt_clv_parameters', 'rpt_scorecard')"
        " and column_name <> 'p_value'"
    ).fetchall()


def test_no_rate_is_infinite_or_nan(served):
    doubles = served.sql(
        "select schema_name || '.' || table_name, column_name from duckdb_columns()"
        " where data_type = 'DOUBLE' and not internal"
    ).fetchall()
    assert doubles
    for table, column in doubles:
        bad = f'select count(*) from {table} where not isfinite("{column}")'
        assert served.sql(bad).fetchall() == [(0,)], (table, column)


def test_no_personal_data_leaves_staging(served, home):
    for path in home.joinpath("serve").rglob("*"):
        if path.is_file():
            assert b"@example.com" not in path.read_bytes(), path
    assert not served.sql(
        "select table_name, column_name from duckdb_columns()"
        " where not internal and (column_name like '%email%' or column_name like '%name')"
        " and column_name not in ('segment_name', 'table_name', 'schema_name', 'kpi_name')"
    ).fetchall()


def test_parquet_beside_it_holds_the_same_rows(served, home):
    with duckdb.connect() as connection:
        for mart in MARTS:
            schema, table = mart.split(".")
            copy = home / f"serve/current/parquet/{schema}/{table}.parquet"
            rows = connection.sql(f"select count(*) from '{copy}'").fetchall()
            assert rows == served.sql(f"select count(*) from {mart}").fetchall()


def test_every_record_of_the_sample_is_accounted_for(served):
    [(read, split)] = served.sql(
        "select sum(rows_read), sum(rows_accepted + rows_superseded + rows_rejected)"
        " from meta.source_files"
    ).fetchall()
    assert read == split == 23_175
    files = {file for (file,) in served.sql("select file from meta.source_files").fetchall()}
    assert files == {str(path.relative_to(SAMPLE)) for path in SAMPLE.rglob("*") if path.is_file()}


def test_the_readme_queries_answer(served):
    pages = (ROOT / "README.md").read_text() + (ROOT / "docs/questions.md").read_text()
    queries = re.findall(r"```sql\n(.*?)```", pages, flags=re.S)
    assert len(queries) >= 5
    for query in queries:
        assert served.sql(query).fetchall(), query


def test_vars_that_nobody_knows_are_refused_before_anything_starts(tmp_path):
    build = run_build(SAMPLE, tmp_path, "{as_of_dat: 2025-01-01}")
    assert build.returncode == 2
    assert "as_of_dat" in build.stdout and "as_of_date" in build.stdout
    assert not (tmp_path / "serve").exists()


def test_a_failing_test_blocks_publishing_and_says_where_to_look(build, home, one_year, tmp_path):
    before = fingerprint(home / "serve/versions"), os.readlink(home / "serve/current")
    project = project_copy(tmp_path / "project")
    (project / "tests/data/rpt_mrr__is_never_right.sql").write_text(
        "select month from {{ ref('rpt_mrr') }} where segment_name = 'all'"
    )
    failed = run_build(one_year, home, project=project)
    assert failed.returncode == 1
    last = "\n".join(failed.stdout.splitlines()[-10:])
    assert "rpt_mrr__is_never_right: 12 failing rows" in last
    assert os.readlink(home / "serve/current") in last or before[1].split("/")[-1] in last
    assert str(home) in last
    assert (fingerprint(home / "serve/versions"), os.readlink(home / "serve/current")) == before


def test_a_missing_required_column_fails_by_file_name(build, home, tmp_path):
    before = os.readlink(home / "serve/current")
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders/it's late.csv").write_text(
        "order_id,customer_id,ordered_at\n1,a,2025-01-01\n"
    )
    failed = run_build(tmp_path, home)
    assert failed.returncode == 1
    assert "orders/it's late.csv: required column amount is missing" in failed.stdout
    assert os.readlink(home / "serve/current") == before


class Shrunk(NamedTuple):
    """Three builds of a landing zone that shrank, in a home that has published more.

    The first has no reason and is blocked. The second has one, and is killed at the worst moment:
    just before the flip. The third has the reason again, and is accepted.
    """

    before: str
    blocked: subprocess.CompletedProcess
    after_blocked: str
    accepted: str
    builds: list[tuple]
    reads: list[Read]
    flips: dict[str, float]


@pytest.fixture(scope="module")
def shrunk(build, built_home, tmp_path_factory):
    """One year of orders, refunds, milestones, odd files. The home lies inside of it."""
    raw_dir = tmp_path_factory.mktemp("raw")
    home = raw_dir / "orders/.home"
    for table in ("refunds", "milestones", "feedback", "tickets", "carts", "contacts"):
        shutil.copytree(SAMPLE / table, raw_dir / table)
    shutil.copytree(
        SAMPLE / "orders", raw_dir / "orders", ignore=shutil.ignore_patterns("202[45]*")
    )
    (raw_dir / "order").mkdir()
    (raw_dir / "orders/2026").mkdir()
    (raw_dir / "orders/2026/notes.docx").write_text("what was done")
    (raw_dir / ".tenureignore").write_text("*.docx\n")
    (raw_dir / "orders/_SUCCESS").write_text("")
    copy_home(built_home, home)

    before = os.readlink(home / "serve/current")
    blocked = run_build(raw_dir, home)
    after_blocked = os.readlink(home / "serve/current")
    (raw_dir / "orders/new.csv").write_text(
        "order_id,customer_id,ordered_at,amount,coupon\nnew-1,ada,2025-12-01,10,SPRING\n"
    )
    reason = "--volume-drop-reason=archived it's old"
    nights = Nights(raw_dir, home)
    flips = {nights.current(): 0}
    with readers(nights.file, number=2, pause=3) as reads:
        nights.kill_at(BY_NAME["the name is on disk"], reason)
        # Nobody was served this version, but it is whole: the next build must publish the same.
        [whole] = nights.unserved
        nights.right = contents(nights.serve / "versions" / whole / "tenure.duckdb")
        accepted = nights.good_build(reason)
        flips[nights.current()] = os.lstat(nights.serve / "current").st_ctime
    with duckdb.connect(nights.file, read_only=True) as connection:
        builds = connection.sql(
            "select volume_drop_reason, is_current from meta.builds order by started_at"
        ).fetchall()
    return Shrunk(before, blocked, after_blocked, accepted, builds, reads, flips)


def test_a_table_that_shrank_blocks_publishing_unless_somebody_says_why(shrunk, reliability):
    said = shrunk.blocked.stdout
    assert shrunk.blocked.returncode == 1
    assert "orders: 1,479 rows read, 8,839 in the published build" in said
    assert "marketing_spend: 0 rows read, 772 in the published build" in said
    assert "VOLUME_DROP_REASON" in said
    assert shrunk.after_blocked == shrunk.before

    assert shrunk.builds == [(None, False), ("archived it's old", True)]
    reliability(
        "guards",
        "most orders and a whole table are gone",
        "files removed from the landing zone; the build is blocked until somebody says why",
        tried=1,
        lost="nothing",
    )


def test_a_new_file_with_another_heading_is_told(shrunk, reliability):
    said = shrunk.accepted
    assert "warning: orders: other columns than the published files: orders/new.csv" in said
    assert "with new coupon" in said
    reliability(
        "guards",
        "a new file with another heading",
        "a column more, others missing; published with a warning that names file and columns",
        tried=1,
        lost="nothing",
    )


def test_what_is_not_read_is_named_once(shrunk):
    [warning] = [line for line in shrunk.accepted.splitlines() if "not read" in line]
    assert warning.endswith(": order (is it orders?)")


def test_a_killed_build_harms_no_reader_and_the_next_one_catches_up(shrunk, reliability):
    """test_kills.py tries all other moments, and compares with homes that have built nothing."""
    check(shrunk.reads, shrunk.flips)
    assert {read.build_id for read in shrunk.reads} == shrunk.flips.keys()
    reliability(
        "kills",
        "SIGKILL of a night, under two readers",
        "just before the flip; then an ordinary build",
        1,
        "nothing",
    )
