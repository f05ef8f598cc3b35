"""One build at a time, and a dbt that does not outlive its build."""

import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from orchestration.paths import ROOT
from orchestration.runs.lock import BuildRunningError, build_lock

HOLD = """
import sys
from pathlib import Path
from orchestration.runs.lock import build_lock
with build_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "build" / "lock"


@pytest.fixture
def holder(path):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_build_is_refused_with_who_holds_the_lock(path, holder, reliability):
    with pytest.raises(BuildRunningError) as refused, build_lock(path):
        pass
    assert f"pid {holder.pid}, -c {path}, since 20" in str(refused.value)
    reliability(
        "one writer",
        "a second build while one runs",
        "a process that holds the lock; the second is refused with its pid, command and start",
        tried=1,
        lost="nothing",
    )


def test_a_build_that_waits_says_for_which_and_gets_the_lock_when_it_is_free(
    path, holder, caplog, reliability
):
    caplog.set_level("INFO", "orchestration")
    threading.Timer(0.5, holder.kill).start()
    with build_lock(path, timedelta(seconds=30)):
        assert f"Waiting up to 0:00:30 for another build: pid {holder.pid}" in caplog.text
    assert len(caplog.records) == 1
    reliability(
        "one writer",
        "a build waits for one that is killed",
        "SIGKILL of the holder; the lock is free at once",
        tried=1,
        lost="nothing",
    )


def test_a_build_that_waits_too_long_is_refused(path, holder):
    with pytest.raises(BuildRunningError), build_lock(path, timedelta(seconds=0.2)):
        pass


def test_the_lock_is_free_after_its_holder_was_killed(path, holder):
    holder.kill()
    holder.wait()
    with build_lock(path):
        pass


def test_the_process_that_holds_it_may_ask_again(path):
    with build_lock(path), build_lock(path):
        assert f"pid {os.getpid()}," in path.read_text()
    with build_lock(path):
        pass


def test_make_build_is_refused_with_its_own_exit_code(path, holder):
    nightly = subprocess.run(
        [sys.executable, "-m", "orchestration.nightly"],
        cwd=ROOT,
        env={**os.environ, "TENURE_HOME": str(path.parents[1])},
        capture_output=True,
        text=True,
    )
    assert nightly.returncode == 75
    assert nightly.stdout.startswith("Refused: another build is running: pid ")
    assert len(nightly.stdout.splitlines()) == 1


def test_dbt_ends_with_the_process_that_started_it(tmp_path):
    orphan = subprocess.run(
        [
            sys.executable,
            "-m",
            "orchestration.warehouse.child",
            "parse",
            "--target-path",
            str(tmp_path),
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,  # ends at once, as when the parent has been killed
        capture_output=True,
        timeout=30,
    )
    assert orphan.returncode == 1
    assert not list(tmp_path.iterdir())
