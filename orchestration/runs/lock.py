"""Locks of processes: an flock on a file. The build lock allows one build at a time.

The kernel drops a lock when its process ends, even by a kill. So no stale lock ever stays.
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

# The build locks of this process. The job asks again for a lock that its caller already holds.
_held: set[Path] = set()
_held_for_life: list[IO[str]] = []


class BuildRunningError(RuntimeError):
    """Another process is building. The message has its pid, its command and its start."""


@contextmanager
def build_lock(path: Path, wait: timedelta = timedelta()) -> Iterator[None]:
    """Hold the build lock at `path`. Wait for another build, at most for the time `wait`.

    Raises BuildRunningError if the other build still runs after that time. A process may take its
    own lock again: `make build` takes it before Dagster is loaded, and then the job takes it too.
    (A run of Dagster's daemon takes it only in the job.)
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
    """Return whether a process holds the lock at `path`; False if there is no file."""
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
    """Hold the lock at `path`; wait without limit until it is free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def lock_for_life(path: Path) -> None:
    """Hold the lock at `path` until this process ends, even by a kill."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Lock first, then rename into place. So an unlocked file in this folder is always left over
    # from a dead process, and may be deleted.
    unplaced = path.parent.with_name(f"{path.name}.unplaced")
    file = unplaced.open("a", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    unplaced.replace(path)
    _held_for_life.append(file)


def _lock(file: IO[str], wait: timedelta) -> None:
    deadline = time.monotonic() + wait.total_seconds()
    is_logged = False
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise BuildRunningError(f"another build is running: {_holder(file)}") from None
        if not is_logged:
            _logger.info("Waiting up to %s for another build: %s", wait, _holder(file))
            is_logged = True
        time.sleep(min(1, max(0, deadline - time.monotonic())))


def _sign(file: IO[str]) -> None:
    """Write into the lock file which process holds the lock, for the message of a refusal."""
    file.truncate(0)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    file.write(f"pid {os.getpid()}, {' '.join(sys.argv)}, since {started}\n")
    file.flush()


def _holder(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "it has only just started"
