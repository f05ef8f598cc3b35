"""One build at a time: an flock on a file, held by a process and released by the kernel.

The kernel drops the lock however its holder dies, so there is no stale lock to clean up.
"""

import fcntl
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

_logger = logging.getLogger(__name__)

# The locks that this process holds, so that the job may ask again for what its caller holds.
_held: set[Path] = set()
_held_for_life: list[IO[str]] = []


class BuildRunningError(RuntimeError):
    """Another process is building; the message names its pid, command and start."""


@contextmanager
def build_lock(path: Path, wait: timedelta = timedelta()) -> Iterator[None]:
    """Hold the lock at `path`; raise BuildRunningError if another process does for all of `wait`.

    Within one process it may be taken again: `make build` takes it before Dagster is loaded, and
    the job takes it for runs that Dagster's daemon starts.
    """
    if path in _held:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        _lock(file, wait)
        _sign(file)
        _held.add(path)
        try:
            yield
        finally:
            _held.remove(path)


def is_locked(path: Path) -> bool:
    """Return whether a process that lives holds the lock at `path`; False if there is no file."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def wait_for_lock(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, waiting until it is free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def lock_for_life(path: Path) -> None:
    """Hold the lock at `path` until this process ends, however it does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # It gets its place only with the lock on it: whoever finds a file there without one may
    # delete it as left behind.
    unplaced = path.parent.with_name(f"{path.name}.unplaced")
    file = unplaced.open("a", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    unplaced.replace(path)
    _held_for_life.append(file)


def _lock(file: IO[str], wait: timedelta) -> None:
    deadline = time.monotonic() + wait.total_seconds()
    is_told = False
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise BuildRunningError(f"another build is running: {_holder(file)}") from None
        if not is_told:
            _logger.info("Waiting up to %s for another build: %s", wait, _holder(file))
            is_told = True
        time.sleep(min(1, max(0, deadline - time.monotonic())))


def _sign(file: IO[str]) -> None:
    file.truncate(0)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    file.write(f"pid {os.getpid()}, {' '.join(sys.argv)}, since {started}\n")
    file.flush()


def _holder(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "it has only just started"
