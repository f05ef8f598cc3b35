"""A full disk and little memory: the build says so clearly, and what was served stays.

The disk is a small file system (tmpfs), and only root may mount one. Other users run this in
`unshare --user --map-root-user --mount`.
"""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from conftest import ROOT, contents, fingerprint, run_build

from orchestration import nightly
from orchestration.serving.publish import build_id

FILE = "serve/current/tenure.duckdb"


# --- A full disk ----------------------------------------------------------------------------------


SIZE_MB = 256
# A build that cannot write must end, not hang. A build of the sample takes half a minute.
LONGEST_SECONDS = 600
CLEAR = re.compile(r"No space left|disk is full|0\.\d MB are free")


class Stage(NamedTuple):
    """When the disk fills up: at the first line of output with this text, or once a path exists."""

    name: str
    line: str = ""
    path: str = ""


PARSED_ANEW = "while the project is parsed"
STAGES = [
    Stage(PARSED_ANEW, line="Reading"),
    Stage("before Dagster has noted the run", line="Reading"),
    Stage("after the seeds", line="seeds"),
    Stage("in the midst of the models", line="staging"),
    Stage("while the marts are copied", path="serve/versions/.*.partial/tenure.duckdb"),
    Stage("while Parquet is written", path="serve/versions/.*.partial/parquet/*/*.parquet"),
    Stage("after the last Parquet file", path="serve/versions/.*.partial/parquet/meta/*s.parquet"),
]


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A file system of SIZE_MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def build_on_filling_disk(raw: Path, home: Path, filler: Path, stage: Stage) -> tuple[int, str]:
    """Run a build during which `filler` takes all space that is left or becomes free."""
    output = filler.parent.parent / "output"
    with output.open("w") as stream:
        build = subprocess.Popen(
            [sys.executable, "-m", "orchestration.nightly"],
            cwd=ROOT,
            env={**os.environ, "TENURE_RAW_DIR": str(raw), "TENURE_HOME": str(home)},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + LONGEST_SECONDS
    try:
        wait_until(lambda: has_come(stage, output, home), build, deadline)
        assert build.poll() is None, output.read_text()
        with filler.open("wb", buffering=0) as stream:
            wait_until(lambda: fill(stream), build, deadline)
        assert time.monotonic() < deadline, output.read_text()
    finally:
        build.kill()
        build.wait()
    return build.returncode, output.read_text()


def wait_until(is_done: Callable[[], bool], build: subprocess.Popen, deadline: float) -> None:
    while not is_done() and build.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)


def has_come(stage: Stage, output: Path, home: Path) -> bool:
    if stage.line:
        return stage.line in output.read_text()
    return any(home.glob(stage.path))


def fill(stream) -> bool:
    try:
        while True:
            stream.write(bytes(1 << 16))
    except OSError:
        return False


@pytest.mark.torture
def test_a_full_disk_ends_a_build_with_clear_words_and_the_next_one_publishes(
    one_year, disk, reliability
):
    home, filler = disk / "home", disk / "filler"
    first = run_build(one_year, home)
    assert first.returncode == 0, first.stdout
    expected = contents(home / FILE)
    for stage in STAGES:
        if stage.name == PARSED_ANEW:
            (home / "dbt/parsed/fingerprint").unlink()
        served = os.readlink(home / "serve/current")
        before = fingerprint(home / "serve" / served)
        code, output = build_on_filling_disk(one_year, home, filler, stage)
        assert code == 1, (stage, output)
        assert "Failed, nothing was published" in output, (stage, output)
        assert CLEAR.search(output), (stage, output)
        assert "Traceback" not in output, (stage, output)
        assert os.readlink(home / "serve/current") == served, stage
        assert fingerprint(home / "serve" / served) == before, stage
        assert contents(home / FILE) == expected
        filler.unlink()
        after = run_build(one_year, home)
        assert after.returncode == 0, (stage, after.stdout)
        assert os.readlink(home / "serve/current") != served
        assert contents(home / FILE) == expected
        reliability(
            "disk and memory",
            f"the disk fills up {stage.name}",
            "a real file system of its own, filled to the last byte until the build ends",
            1,
            "nothing",
        )


@pytest.fixture
def run_that_breaks(tmp_path, monkeypatch, capsys):
    """Run the command line with a build that calls `action` and then finds the disk full."""

    def run(before: Callable[[str], None]) -> tuple[int, str]:
        def build(variables, reasons, run_id):
            before(run_id)
            raise OSError(28, "No space left on device")

        monkeypatch.setenv("TENURE_HOME", str(tmp_path))
        monkeypatch.setattr(nightly, "_build", build)
        monkeypatch.setattr(sys, "argv", ["nightly"])
        (tmp_path / "serve").mkdir()
        (tmp_path / "serve/current").symlink_to("versions/old")
        return nightly.main(), capsys.readouterr().out

    return run


def test_what_no_step_can_tell_is_told(run_that_breaks, tmp_path):
    code, output = run_that_breaks(lambda run_id: None)
    assert code == nightly.FAILED
    assert "No space left on device" in output and f"MB are free in {tmp_path}" in output
    assert "Still served: old" in output
    assert "Traceback" in (tmp_path / "logs/failure.log").read_text()


def test_what_breaks_after_publishing_does_not_deny_it(run_that_breaks, tmp_path):
    def publish(run_id):
        published = build_id(datetime(2026, 11, 29, 2, tzinfo=UTC), run_id)
        (tmp_path / "serve/current").unlink()
        (tmp_path / "serve/current").symlink_to(f"versions/{published}")

    code, output = run_that_breaks(publish)
    assert code == nightly.PUBLISHED
    assert "Published 20261129T020000Z-" in output and "No space left on device" in output


def test_what_a_rollback_serves_meanwhile_is_not_taken_for_published(run_that_breaks, tmp_path):
    def roll_back(run_id):
        (tmp_path / "serve/current").unlink()
        (tmp_path / "serve/current").symlink_to("versions/older")

    code, output = run_that_breaks(roll_back)
    assert code == nightly.FAILED
    assert "nothing was published" in output and "Still served: older" in output


# --- Little memory --------------------------------------------------------------------------------

ORDERS = """
select
    'o' || range as order_id,
    'c' || floor(pow(random(), 2) * {orders} / 4)::bigint as customer_id,
    timestamp '2021-01-01' + to_seconds(floor(random() * 4 * 365 * 86400)::bigint) as ordered_at,
    (5 + random() * 90)::decimal(18, 2) as amount
from range({orders})
"""
NUMBER = 300_000
SMALL, LARGE, TOO_SMALL = "200MB", "4GB", "40MB"


@pytest.fixture(scope="module")
def many_orders(tmp_path_factory) -> Path:
    """One Parquet file of NUMBER orders, the same each time."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "orders").mkdir()
    with duckdb.connect() as connection:
        connection.execute("select setseed(0.42); set threads = 1")
        query = ORDERS.format(orders=NUMBER)
        connection.execute(f"copy ({query}) to '{folder}/orders/orders.parquet'")
    return folder


def most_bytes(folder: Path, is_over: threading.Event, found: list[int]) -> None:
    """Watch how large a folder gets."""
    while not is_over.wait(0.05):
        try:
            sizes = [path.stat().st_size for path in folder.rglob("*")]
        except FileNotFoundError:
            continue
        found.append(sum(sizes))


def build_with(limit: str, raw: Path, home: Path) -> tuple[subprocess.CompletedProcess, int]:
    """Build with this much memory; return the build, and the largest size of what it spilled."""
    is_over, found = threading.Event(), [0]
    watch = threading.Thread(target=most_bytes, args=(home / "build/tmp", is_over, found))
    watch.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TENURE_MEMORY_LIMIT", limit)
            build = run_build(raw, home)
    finally:
        is_over.set()
        watch.join()
    return build, max(found)


@pytest.mark.torture
def test_little_memory_changes_no_number(many_orders, tmp_path, reliability):
    little, spilled = build_with(SMALL, many_orders, tmp_path / "little")
    assert little.returncode == 0, little.stdout
    assert spilled > 10_000_000
    plenty, _ = build_with(LARGE, many_orders, tmp_path / "plenty")
    assert plenty.returncode == 0, plenty.stdout
    assert contents(tmp_path / "little" / FILE) == contents(tmp_path / "plenty" / FILE)
    reliability(
        "disk and memory",
        f"{NUMBER:,} orders in {SMALL}",
        f"every mart compared with that of {LARGE}; {spilled / 1e6:,.0f} MB were spilled",
        1,
        "nothing",
    )


@pytest.mark.torture
def test_too_little_memory_is_said_in_clear_words(many_orders, tmp_path, reliability):
    build, _ = build_with(TOO_SMALL, many_orders, tmp_path)
    assert build.returncode == 1
    assert "Failed, nothing was published" in build.stdout
    assert "Out of Memory" in build.stdout
    assert not (tmp_path / "serve/current").exists()
    reliability("disk and memory", f"{NUMBER:,} orders in {TOO_SMALL}", "a build", 1, "nothing")
