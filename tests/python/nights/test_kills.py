"""SIGKILL at every step of a real build: readers lose nothing, and the next build is good."""

import signal
import sys
from collections.abc import Iterable

import pytest
from conftest import SAMPLE, fingerprint
from killed_nightly import BY_NAME, CLEAR, DBT_IS_KILLED, PARSE, POINTS, Point
from nights import Nights, kill_build

from orchestration import paths
from orchestration.warehouse import parsing
from orchestration.warehouse.process import DbtFailedError, dbt_events

# Builds of the whole sample are killed at these points, too.
ON_THE_SAMPLE = [
    BY_NAME[name]
    for name in (
        "last model of cohorts ends",
        "half of the marts are copied",
        "the old link still stands",
        "an old version is half deleted",
    )
]
FIRST_NIGHT = [point for point in POINTS if point.stage == PARSE]
AFTER_A_KILL = [point for point in POINTS if point.stage == CLEAR]
OTHER_NIGHTS = [point for point in POINTS if point.stage not in (PARSE, CLEAR)]


def points(chosen: Iterable[Point]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("point", chosen, ids=lambda point: point.name)


@pytest.fixture(scope="module")
def nights(one_year, tmp_path_factory):
    """One home that goes through all kills, one after the other."""
    nights = Nights(one_year, tmp_path_factory.mktemp("home"))
    nights.good_build()
    return nights


@pytest.fixture(scope="module")
def nights_of_the_sample(tmp_path_factory):
    nights = Nights(SAMPLE, tmp_path_factory.mktemp("home"))
    nights.good_build()
    return nights


def proved(reliability, point, data: str) -> None:
    reliability(
        "kills",
        f"SIGKILL {point.stage}",
        f"the process kills itself at an exact step; {data}; then an ordinary build",
        1,
        "nothing",
    )


def test_the_points_are_many_and_each_has_its_own_name():
    assert len(BY_NAME) == len(POINTS) >= 30


def test_a_parse_that_was_cut_off_is_not_taken_for_done(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))

    def parse(checkout, is_cut_off=False):
        def events(_):
            (paths.parsed() / "manifest.json").write_text(checkout)
            if is_cut_off:
                raise KeyboardInterrupt
            yield {}

        monkeypatch.setattr(parsing, "dbt_events", events)
        monkeypatch.setattr(parsing, "project_fingerprint", lambda: checkout)
        return parsing.prepare_manifest().read_text()

    assert parse("ours") == "ours"
    with pytest.raises(KeyboardInterrupt):
        parse("another", is_cut_off=True)
    assert parse("ours") == "ours"


def test_a_dbt_that_was_killed_is_reported_with_the_signal(tmp_path, monkeypatch):
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\necho its last words\nkill -KILL $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    with pytest.raises(DbtFailedError, match=r"the signal SIGKILL.*\nits last words"):
        list(dbt_events([]))


@pytest.mark.torture
@points(OTHER_NIGHTS)
def test_a_killed_build_harms_nobody_and_the_next_one_publishes(nights, point, reliability):
    nights.kill_at(point)
    nights.good_build()
    proved(reliability, point, "one year of the sample")


@pytest.mark.torture
@points(ON_THE_SAMPLE)
def test_a_killed_build_of_the_sample_harms_nobody(nights_of_the_sample, point, reliability):
    nights_of_the_sample.kill_at(point)
    nights_of_the_sample.good_build()
    proved(reliability, point, "the whole sample")


@pytest.mark.torture
@points(AFTER_A_KILL)
def test_two_killed_builds_in_a_row_harm_nobody(nights, point, reliability):
    nights.kill_at(BY_NAME["the old link still stands"])
    nights.kill_at(point)
    nights.good_build()
    proved(reliability, point, "one year of the sample")


@pytest.mark.torture
@points(FIRST_NIGHT)
def test_a_first_night_that_was_killed_is_made_good(nights, point, tmp_path, reliability):
    first = Nights(nights.raw_dir, tmp_path)
    killed = kill_build(point.name, first.raw_dir, first.home)
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    assert not first.serve.exists()
    first.good_build()
    assert first.right == nights.right
    proved(reliability, point, "one year of the sample")


@pytest.mark.torture
def test_a_dbt_that_was_killed_alone_fails_the_build_by_the_signal(nights, reliability):
    before = nights.current(), fingerprint(nights.serve / "versions" / nights.current())
    failed = kill_build(DBT_IS_KILLED, nights.raw_dir, nights.home)
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "dbt was killed by the signal SIGKILL" in failed.stdout
    assert f"Still served: {nights.current()}" in failed.stdout
    assert (nights.current(), fingerprint(nights.serve / "versions" / nights.current())) == before
    nights.good_build()
    reliability(
        "kills",
        "SIGKILL of dbt alone",
        "the child process is killed when it starts an intermediate model",
        1,
        "nothing; the build fails and names the signal",
    )
