"""The nightly job from outside, on the sample: what it publishes, what survives a failure."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT, SAMPLE, run_build

MARTS = {
    "core.dim_customers",
    "core.dim_dates",
    "core.fct_orders",
    "core.fct_subscription_spells",
    "core.fct_customer_months",
    "cohorts.rpt_order_cohorts",
    "cohorts.rpt_subscription_cohorts",
    "cohorts.rpt_repeat_purchase",
    "churn.rpt_retention_rates",
    "churn.fct_mrr_movements",
    "churn.rpt_mrr",
    "churn.rpt_subscription_survival",
    "churn.rpt_churn_reasons",
    "churn.rpt_trials",
    "clv.fct_customer_value",
    "clv.rpt_clv_parameters",
    "clv.rpt_clv_calibration",
    "clv.rpt_clv_deciles",
    "clv.rpt_clv_by_cohort",
    "clv.rpt_retention_value",
    "meta.builds",
    "meta.source_files",
    "meta.row_outcomes",
}


@pytest.fixture
def home(build, built_home, tmp_path_factory):
    """A copy of what `build` has left, to build into again."""
    return shutil.copytree(built_home, tmp_path_factory.mktemp("home") / "copy", symlinks=True)


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_good_run_is_short_and_ends_with_what_was_published(build):
    lines = build.stdout.splitlines()
    assert len(lines) <= 60
    assert any("as of 2025-12-18" in line for line in lines)
    for mart in MARTS:
        assert any(re.search(rf"{mart} +[\d,]+ rows", line) for line in lines), mart
    assert any("cancelled, void or failed" in line for line in lines)
    assert sum("utm_campaign" in line for line in lines) == 1


def test_only_marts_are_published_each_described(served):
    tables = served.sql(
        "select schema_name || '.' || table_name, comment from duckdb_tables()"
    ).fetchall()
    assert {name for name, _ in tables} == MARTS
    assert all(comment for _, comment in tables)
    assert served.sql("select current_catalog()").fetchall() == [("tenure",)]
    assert not served.sql(
        "select table_name, column_name from duckdb_columns()"
        " where comment is null and not internal"
    ).fetchall()


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
        # what a parameter of a model is worth is no money
        " and table_name <> 'rpt_clv_parameters'"
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
        " and column_name not in ('segment_name', 'table_name')"
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
    assert read == split == 13_350
    files = {file for (file,) in served.sql("select file from meta.source_files").fetchall()}
    assert files == {str(path.relative_to(SAMPLE)) for path in SAMPLE.rglob("*") if path.is_file()}


def test_the_readme_queries_answer(served):
    queries = re.findall(r"```sql\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S)
    assert len(queries) >= 5
    for query in queries:
        assert served.sql(query).fetchall(), query


def test_the_same_files_give_the_same_marts(served, build, home, tmp_path):
    again = run_build(SAMPLE, tmp_path)
    assert again.returncode == 0, again.stdout
    with duckdb.connect(tmp_path / "serve/current/tenure.duckdb", read_only=True) as other:
        for mart in MARTS - {"meta.builds"}:
            content = (
                "select md5(string_agg(row, chr(10) order by row))"
                f" from (select t::varchar as row from {mart} as t)"
            )
            assert served.sql(content).fetchall() == other.sql(content).fetchall(), mart


def test_vars_that_nobody_knows_are_refused_before_anything_starts(tmp_path):
    build = run_build(SAMPLE, tmp_path, "{as_of_dat: 2025-01-01}")
    assert build.returncode == 2
    assert "as_of_dat" in build.stdout and "as_of_date" in build.stdout
    assert not (tmp_path / "serve").exists()


def project_copy(folder: Path) -> Path:
    """The project without what it has built, to change a file of it."""
    shutil.copytree(
        ROOT,
        folder,
        ignore=shutil.ignore_patterns(
            ".git", ".venv", "var", "target", "logs", "tests/python", "__pycache__", ".*_cache"
        ),
    )
    return folder


def test_a_failing_test_blocks_publishing_and_says_where_to_look(build, home, tmp_path):
    before = fingerprint(home / "serve/versions"), os.readlink(home / "serve/current")
    project = project_copy(tmp_path / "project")
    (project / "tests/data/rpt_mrr__is_never_right.sql").write_text(
        "select month from {{ ref('rpt_mrr') }} where segment_name = 'all'"
    )
    failed = run_build(SAMPLE, home, project=project)
    assert failed.returncode == 1
    last = "\n".join(failed.stdout.splitlines()[-10:])
    assert "rpt_mrr__is_never_right" in last and "36" in last
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


def test_what_is_not_read_is_named_once(tmp_path):
    shutil.copytree(SAMPLE / "refunds", tmp_path / "refunds")
    shutil.copytree(SAMPLE / "orders", tmp_path / "orders")
    (tmp_path / "order").mkdir()
    (tmp_path / "orders/more.tsv").write_text("order_id")
    (tmp_path / "orders/2026").mkdir()
    (tmp_path / "orders/_SUCCESS").write_text("")
    built = run_build(tmp_path, tmp_path / "orders/.home")
    assert built.returncode == 0, built.stdout
    [warning] = [line for line in built.stdout.splitlines() if "not read" in line]
    assert warning.endswith(": order, orders/2026, orders/more.tsv")


def test_a_table_that_shrank_blocks_publishing_unless_somebody_says_why(build, home, tmp_path):
    before = os.readlink(home / "serve/current")
    shutil.copytree(SAMPLE, tmp_path / "raw")
    for path in (tmp_path / "raw/orders").glob("202[45]*"):
        path.unlink()
    shutil.rmtree(tmp_path / "raw/marketing_spend")
    own_home = tmp_path / "home"
    shutil.copytree(home, own_home, symlinks=True)

    blocked = run_build(tmp_path / "raw", own_home)
    assert blocked.returncode == 1
    assert "orders: 1,479 rows read, 8,743 in the published build" in blocked.stdout
    assert "marketing_spend: 0 rows read, 772 in the published build" in blocked.stdout
    assert "VOLUME_DROP_REASON" in blocked.stdout
    assert os.readlink(own_home / "serve/current") == before

    (tmp_path / "raw/orders/new.csv").write_text(
        "order_id,customer_id,ordered_at,amount,coupon\nnew-1,ada,2025-12-01,10,SPRING\n"
    )
    accepted = run_build(
        tmp_path / "raw", own_home, None, ROOT, "--volume-drop-reason=archived it's old"
    )
    assert accepted.returncode == 0, accepted.stdout
    assert "warning: orders: other columns than the published files: orders/new.csv" in (
        accepted.stdout
    )
    assert "with new coupon" in accepted.stdout
    with duckdb.connect(own_home / "serve/current/tenure.duckdb", read_only=True) as connection:
        assert connection.sql(
            "select volume_drop_reason, is_current from meta.builds order by started_at"
        ).fetchall() == [(None, False), ("archived it's old", True)]


def test_a_killed_build_leaves_what_was_served_and_the_next_one_publishes(build, home):
    before = fingerprint(home / "serve/versions"), os.readlink(home / "serve/current")
    environment = os.environ | {"TENURE_HOME": str(home), "TENURE_RAW_DIR": str(SAMPLE)}
    with subprocess.Popen(
        [sys.executable, "-m", "orchestration.nightly"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if "staging" in line:
                break
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert (fingerprint(home / "serve/versions"), os.readlink(home / "serve/current")) == before

    after = run_build(SAMPLE, home)
    assert after.returncode == 0, after.stdout
    with duckdb.connect(home / "serve/current/tenure.duckdb", read_only=True) as connection:
        builds = connection.sql(
            "select build_id, is_current from meta.builds order by started_at"
        ).fetchall()
    assert [current for _, current in builds] == [False, True]
    assert os.readlink(home / "serve/current").endswith(builds[-1][0])
