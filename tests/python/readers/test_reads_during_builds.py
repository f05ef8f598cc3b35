"""Eight readers query everything during ten builds, and five of the builds are killed."""

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT, SAMPLE, run_build
from readers.reader_processes import HARDENED, check, readers

from orchestration.serving.published import FILE_NAME
from orchestration.serving.versions import current_build

READERS = 8
GOOD, KILLED = 5, 5
# Seconds between two reads of a reader, as when somebody clicks through a dashboard.
PAUSE = 3
# Seconds to open a connection and get a first answer, 99 of 100 times.
LATENCY_P99 = 0.25
FIRST_AS_OF = date(2025, 9, 1)


def kill_somewhere(home: Path, vars: dict, moment: random.Random) -> None:
    """Start a build, and kill it up to a second after one of its lines of output."""
    line = moment.randint(1, 9)
    with subprocess.Popen(
        [sys.executable, "-m", "orchestration.nightly", f"--vars={json.dumps(vars)}"],
        cwd=ROOT,
        env=os.environ | {"TENURE_HOME": str(home), "TENURE_RAW_DIR": str(SAMPLE)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for _ in range(line):
            process.stdout.readline()
        time.sleep(moment.uniform(0, 1))
        process.kill()
    assert process.returncode == -signal.SIGKILL


def as_of_now(file: Path) -> str:
    """What a connection that is opened now sees."""
    with duckdb.connect(file, read_only=True, config=HARDENED) as connection:
        sql = "select as_of::varchar from meta.builds where is_current"
        [(as_of,)] = connection.execute(sql).fetchall()
    return as_of


@pytest.mark.torture
def test_no_reader_fails_sees_two_builds_at_once_or_waits(tmp_path, reliability):
    chance = random.Random(20261122)
    is_killed = [False] * GOOD + [True] * KILLED
    chance.shuffle(is_killed)
    link, file = tmp_path / "serve/current", tmp_path / "serve/current" / FILE_NAME
    flips: dict[str, float] = {}
    as_of: dict[str, str] = {}

    def note(night: date) -> None:
        """Note the current build, if it is a new one, and when it became current."""
        current = current_build(tmp_path / "serve")
        flips.setdefault(current, os.lstat(link).st_ctime)
        as_of.setdefault(current, night.isoformat())

    assert run_build(SAMPLE, tmp_path, {"as_of_date": FIRST_AS_OF.isoformat()}).returncode == 0
    note(FIRST_AS_OF)
    with readers(file, READERS, PAUSE) as reads:
        for number, kill in enumerate(is_killed, start=1):
            night = FIRST_AS_OF + timedelta(weeks=number)
            vars = {"as_of_date": night.isoformat()}
            if kill:
                kill_somewhere(tmp_path, vars, chance)
            else:
                build = run_build(SAMPLE, tmp_path, vars)
                assert build.returncode == 0, build.stdout
                assert as_of_now(file) == night.isoformat()
            note(night)

    check(reads, flips)
    assert {read.build_id for read in reads} == set(flips)
    assert {(read.build_id, read.as_of) for read in reads} == set(as_of.items())
    seconds = statistics.quantiles([read.seconds for read in reads], n=100)
    latency = (
        f"half within {seconds[49] * 1000:.0f} ms, 99 of 100 within {seconds[98] * 1000:.0f} ms"
    )
    print(f"{len(reads)} reads of {len(flips)} builds; {latency}")
    assert seconds[98] < LATENCY_P99, latency
    reliability(
        "readers",
        f"{GOOD} builds published and {KILLED} killed under {READERS} readers",
        "each reader opens the file again and again and reads every table; SIGKILL at random"
        f" moments; to open and ask one small question took {latency}",
        len(reads),
        "nothing: no read failed, mixed two builds or saw an older one",
    )
