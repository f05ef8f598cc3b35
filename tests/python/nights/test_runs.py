"""The history of runs: runs that a crash left open are ended, and old runs are forgotten."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import dagster as dg
import pytest
from conftest import ROOT

from orchestration.runs import history, lock
from orchestration.runs.history import end_dead_runs, forget_old_runs, stay_alive
from orchestration.runs.lock import is_locked

LIVE = """
import sys
from pathlib import Path
from orchestration.runs.history import stay_alive
stay_alive(Path(sys.argv[1]), sys.argv[2])
print("alive", flush=True)
sys.stdin.read()
"""


@dg.job
def some_job(): ...


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "live"


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def started_run(instance):
    return instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTED).run_id


def status(instance, run_id):
    return instance.get_run_by_id(run_id).status


def test_a_run_whose_process_was_killed_is_ended_and_one_that_lives_is_not(
    instance, folder, reliability
):
    dead, living = started_run(instance), started_run(instance)
    stay_alive(folder, living)
    with subprocess.Popen(
        [sys.executable, "-c", LIVE, str(folder), dead],
        cwd=ROOT,
        env=os.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "alive\n"
        assert end_dead_runs(instance, folder) == []
        process.send_signal(signal.SIGKILL)
    assert end_dead_runs(instance, folder) == [dead]
    assert status(instance, dead) == dg.DagsterRunStatus.FAILURE
    assert status(instance, living) == dg.DagsterRunStatus.STARTED
    assert [path.name for path in folder.iterdir()] == [living]
    reliability(
        "one writer",
        "a run of Dagster shows as running, but its process is gone",
        "SIGKILL; the next build notes it as failed",
        tried=1,
        lost="nothing",
    )


def test_a_run_that_starts_while_another_clears_up_is_not_taken_for_dead(folder, monkeypatch):
    monkeypatch.setattr(lock, "_held_for_life", [])  # closed when the test forgets it
    run_ids = [str(number) for number in range(200)]
    with ThreadPoolExecutor() as threads:
        starting = threads.submit(lambda: [stay_alive(folder, run_id) for run_id in run_ids])
        while not starting.done():
            assert all(is_locked(file) for file in folder.glob("*"))
    assert {file.name for file in folder.iterdir()} == set(run_ids)


def test_a_run_that_has_just_been_made_gets_time_to_start(instance, folder, monkeypatch):
    run_id = instance.create_run_for_job(some_job).run_id
    assert end_dead_runs(instance, folder) == []
    monkeypatch.setattr(history, "_TIME_TO_START", timedelta())
    assert end_dead_runs(instance, folder) == [run_id]


def test_a_run_that_has_ended_stays_as_it_ended(instance, folder, monkeypatch):
    monkeypatch.setattr(history, "_TIME_TO_START", timedelta())
    run_id = some_job.execute_in_process(instance=instance).run_id
    assert end_dead_runs(instance, folder) == []
    assert status(instance, run_id) == dg.DagsterRunStatus.SUCCESS


def test_only_the_newest_runs_are_kept_and_unfinished_ones_too(instance, monkeypatch):
    monkeypatch.setattr(history, "KEPT_RUNS", 2)
    unfinished = started_run(instance)
    finished = [some_job.execute_in_process(instance=instance).run_id for _ in range(4)]
    forget_old_runs(instance)
    assert {run.run_id for run in instance.get_runs()} == {unfinished, *finished[2:]}
