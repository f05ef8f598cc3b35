"""Dagster's events: the same rows as with Dagster's own storage, with few openings of its files."""

import sqlite3
from contextlib import closing

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.event_log import SqliteEventLogStorage

from orchestration.runs.dagster_home import prepare_dagster_home
from orchestration.runs.event_log import OpenSqliteEventLog


@dg.multi_asset(
    specs=[dg.AssetSpec(f"asset_{number}") for number in range(20)],
    check_specs=[
        dg.AssetCheckSpec(f"check_{number}", asset=f"asset_{number}") for number in range(20)
    ],
)
def tables():
    for number in range(20):
        yield dg.MaterializeResult(f"asset_{number}", metadata={"rows": number})
        yield dg.AssetCheckResult(
            asset_key=f"asset_{number}", check_name=f"check_{number}", passed=number != 7
        )


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    prepare_dagster_home()
    return tmp_path / "dagster"


def run_once():
    with dg.DagsterInstance.get() as instance:
        result = dg.materialize([tables], instance=instance)
        return result.run_id, type(instance.event_log_storage)


def stored(file):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(
            "select dagster_event_type, step_key, asset_key from event_logs order by id"
        ).fetchall()


def test_the_files_hold_what_dagsters_own_storage_writes(home):
    ours, storage = run_once()
    assert storage is OpenSqliteEventLog
    settings = home / "dagster.yaml"
    text, _, block = settings.read_text().partition("event_log_storage:")
    assert "OpenSqliteEventLog" in block
    settings.write_text(text)
    theirs, storage = run_once()
    assert storage is SqliteEventLogStorage
    runs = home / "history/runs"
    assert stored(runs / f"{ours}.db") == stored(runs / f"{theirs}.db")
    # The index of all runs is one file, in the folder of Dagster's default.
    events = stored(runs / "index.db")
    assert events[: len(events) // 2] == events[len(events) // 2 :]
    with dg.DagsterInstance.get() as instance:
        asset = dg.AssetKey("asset_19")
        assert instance.get_latest_materialization_event(asset).run_id == theirs
        assert len(instance.all_logs(ours)) == len(instance.all_logs(theirs))


def test_a_run_opens_each_file_once_and_leaves_no_write_ahead_log(home):
    opened = []

    def note(connection, _record):
        (file,) = {row[2] for row in connection.execute("pragma database_list")}
        opened.append(file)

    sa.event.listen(sa.Pool, "connect", note)
    try:
        run_id, _ = run_once()
    finally:
        sa.event.remove(sa.Pool, "connect", note)
    runs = home / "history/runs"
    # A new database is opened once more to make its tables.
    assert opened.count(str(runs / f"{run_id}.db")) <= 2
    assert opened.count(str(runs / "index.db")) <= 10
    assert not list(runs.glob("*-wal"))


def test_many_runs_are_read_with_few_open_files(home):
    runs = [run_once()[0] for _ in range(10)]
    with dg.DagsterInstance.get() as instance:
        counts = {len(instance.all_logs(run_id)) for run_id in runs}
        assert len(counts) == 1
        assert len(instance.event_log_storage._engines) <= 8
