"""One build at a time: an flock on a file, held by a process and released by the kernel.

The kernel drops the lock however its holder dies, so there is no stale lock to clean up.
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

# The locks that this process holds, so that the job may ask again for what its caller holds.
_held: set[Path] = set()


class BuildRunningError(RuntimeError):
    """Another process is building; the message names its pid, command and start."""


@contextmanager
def build_lock(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, or raise BuildRunningError at once if another process does.

    Within one process it may be taken again: `make build` takes it before Dagster is loaded, and
    the job takes it for runs that Dagster's daemon starts.
    """
    if path in _held:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BuildRunningError(f"another build is running: {_holder(file)}") from None
        _sign(file)
        _held.add(path)
        try:
            yield
        finally:
            _held.remove(path)


@contextmanager
def wait_for_lock(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, waiting until it is free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sign(file: IO[str]) -> None:
    file.truncate(0)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    file.write(f"pid {os.getpid()}, {' '.join(sys.argv)}, since {started}\n")
    file.flush()


def _holder(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "it has only just started"
