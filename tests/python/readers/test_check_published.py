"""The check that something was published, from outside, on published files made by hand."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from conftest import ROOT

from orchestration.check_published import UnpublishedError, current_version

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def put(home, finished_at, build_id="20261122T020000Z-ab12cd"):
    """Publish a version that was finished then, with all that the check looks at."""
    folder = home / "serve/versions" / build_id
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "tenure.duckdb")) as connection:
        connection.execute("create schema meta")
        connection.execute(
            "create table meta.builds as"
            " select 'older' as build_id, date '2020-01-01' as as_of,"
            " timestamp '2020-01-01' as finished_at, false as is_current"
        )
        connection.execute(
            "insert into meta.builds values (?, date '2026-11-22', ?, true)",
            [build_id, finished_at.astimezone(UTC).replace(tzinfo=None)],
        )
    link = home / "serve/current"
    link.unlink(missing_ok=True)
    link.symlink_to(f"versions/{build_id}")
    return folder / "tenure.duckdb"


def check(home, *arguments):
    environment = {name: text for name, text in os.environ.items() if "TENURE_" not in name}
    return subprocess.run(
        [sys.executable, "-m", "orchestration.check_published", *arguments],
        cwd=ROOT,
        env={**environment, "TENURE_HOME": str(home)},
        capture_output=True,
        text=True,
    )


def incidents(home):
    state = json.loads((home / "alerts/incidents.json").read_text())
    return [(incident["kind"], incident["names"]) for incident in state["incidents"]]


def test_a_version_is_young_enough_up_to_the_very_age(tmp_path):
    put(tmp_path, NOW - DAY)
    assert current_version(tmp_path / "serve", NOW, DAY).finished_at == NOW - DAY
    with pytest.raises(UnpublishedError, match="1d ago, allowed 23h"):
        current_version(tmp_path / "serve", NOW, timedelta(hours=23))


def test_a_version_from_the_future_does_not_switch_it_off(tmp_path):
    put(tmp_path, NOW + 300 * DAY)
    with pytest.raises(UnpublishedError, match="300d from now"):
        current_version(tmp_path / "serve", NOW, DAY)


def test_a_young_version_is_one_line_and_exit_code_0(tmp_path):
    put(tmp_path, datetime.now(UTC) - timedelta(hours=3, minutes=5, seconds=1))
    checked = check(tmp_path, "--max-age", "26h")
    assert checked.returncode == 0 and not checked.stderr
    [line] = checked.stdout.splitlines()
    assert line.startswith("Published 20261122T020000Z-ab12cd, as of 2026-11-22, finished 20")
    assert line.endswith(" UTC, 3h 5m ago")
    assert incidents(tmp_path) == []


def test_an_old_one_is_one_line_exit_code_1_and_an_incident(tmp_path):
    put(tmp_path, datetime.now(UTC) - timedelta(hours=27))
    checked = check(tmp_path)
    assert checked.returncode == 1 and not checked.stderr
    [line] = checked.stdout.splitlines()
    assert line.startswith("Nothing published since 20261122T020000Z-ab12cd, as of 2026-11-22, ")
    assert line.endswith("1d 3h ago, allowed 1d 2h")
    assert incidents(tmp_path) == [("unpublished", ["too old"])]


def test_a_later_version_ends_the_incident(tmp_path, reliability):
    put(tmp_path, datetime.now(UTC) - 2 * DAY)
    assert check(tmp_path).returncode == 1
    # A higher limit is no recovery.
    assert check(tmp_path, "--max-age=3d").returncode == 0
    assert incidents(tmp_path) == [("unpublished", ["too old"])]
    put(tmp_path, datetime.now(UTC), "20261124T020000Z-ab12cd")
    assert check(tmp_path).returncode == 0
    assert incidents(tmp_path) == []
    reliability(
        "alerts",
        "nothing was built at all",
        "a version that is two days old; check-published fails and alerts until there is a new one",
        tried=1,
        lost="nothing",
    )


def nothing_published(home):
    pass


def dangling(home):
    put(home, NOW).unlink()


def no_database(home):
    put(home, NOW).write_bytes(b"torn" * 5000)


def without_its_build(home):
    with duckdb.connect(str(put(home, NOW))) as connection:
        connection.execute("delete from meta.builds where is_current")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (nothing_published, "Nothing has been published so far."),
        (dangling, "serve/current/tenure.duckdb cannot be read: "),
        (no_database, "serve/current/tenure.duckdb cannot be read: "),
        (without_its_build, "serve/current/tenure.duckdb cannot be read: "),
    ],
)
def test_what_cannot_be_read_is_one_line_exit_code_1_and_an_incident(tmp_path, damage, said):
    damage(tmp_path)
    checked = check(tmp_path)
    assert checked.returncode == 1 and not checked.stderr
    [line] = checked.stdout.splitlines()
    assert said in line
    [(kind, _)] = incidents(tmp_path)
    assert kind == "unpublished"


def test_an_unreadable_age_is_exit_code_2_and_no_incident(tmp_path):
    checked = check(tmp_path, "--max-age=soon")
    assert checked.returncode == 2
    assert checked.stdout.startswith(
        "MAX_AGE (--max-age): not a duration such as 90m, 26h or 2d: 'soon'"
    )
    assert not list(tmp_path.iterdir())


def test_cron_does_not_wait_for_dagster_or_dbt():
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, orchestration.check_published;"
            " print([name for name in ('dagster', 'dbt', 'pandas') if name in sys.modules])",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert loaded.stdout == "[]\n"
