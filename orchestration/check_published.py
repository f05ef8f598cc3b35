"""A dead man's switch: `python -m orchestration.check_published --max-age 26h`, from cron.

It notices what no build can tell: a machine that was off, a schedule that is stopped, a build that
was killed. Exit code 0: what readers have was finished at most so long ago. 1: it was not, or
there is nothing to read; that is an alert too. 2: the age cannot be read.
"""

import argparse
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from orchestration import paths
from orchestration.serving.publish import FILE_NAME
from orchestration.serving.versions import current_build
from orchestration.settings.durations import read_duration, written
from orchestration.telling import alerts

YOUNG_ENOUGH, TOO_OLD, REFUSED = 0, 1, 2


class UnpublishedError(Exception):
    """Readers have nothing young enough: `problem` in a word or two, and a line on it."""

    def __init__(self, problem: str, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.problem = problem


class Version(NamedTuple):
    """What readers have: the build, the exclusive end of its data, and when it was finished."""

    build_id: str
    as_of: date
    finished_at: datetime


def main() -> int:
    """Check once; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="orchestration.check_published", description="Is what readers have young enough?"
    )
    parser.add_argument("--max-age", default="26h", help="such as 90m, 26h or 2d (default: 26h)")
    try:
        max_age = read_duration(parser.parse_args().max_age)
    except ValueError as error:
        print(f"--max-age: {error}")
        return REFUSED
    now = datetime.now(UTC)
    try:
        version = current_version(paths.serve(), now, max_age)
    except UnpublishedError as error:
        print(error)
        alerts.unpublished(error.problem, str(error))
        return TOO_OLD
    print(_line("Published", version, now))
    alerts.published(version.build_id, version.finished_at)
    return YOUNG_ENOUGH


def current_version(serve: Path, now: datetime, max_age: timedelta) -> Version:
    """Return the version under `serve` that readers get at `now`.

    Raises UnpublishedError if there is none, or none that can be read, or if it was finished
    further than `max_age` from `now`. That is on either side: after a clock that was ahead, too
    young would be the same as never too old.
    """
    if current_build(serve) is None:
        raise UnpublishedError("nothing", "Nothing has been published so far.")
    file = serve / "current" / FILE_NAME
    try:
        version = _read(file)
    except (OSError, ValueError, duckdb.Error) as error:
        reason = str(error).splitlines()[0]
        raise UnpublishedError("unreadable", f"{file} cannot be read: {reason}") from None
    if abs(now - version.finished_at) > max_age:
        line = _line("Nothing published since", version, now)
        raise UnpublishedError("too old", f"{line}, allowed {written(max_age)}")
    return version


def _read(file: Path) -> Version:
    with duckdb.connect(str(file), read_only=True) as connection:
        [(build_id, as_of, finished_at)] = connection.execute(
            "select build_id, as_of, finished_at from meta.builds where is_current"
        ).fetchall()
    return Version(build_id, as_of, finished_at.replace(tzinfo=UTC))


def _line(opening: str, version: Version, now: datetime) -> str:
    age = now - version.finished_at
    when = f"{written(age)} ago" if age >= timedelta() else f"{written(-age)} from now"
    return (
        f"{opening} {version.build_id}, as of {version.as_of},"
        f" finished {version.finished_at:%F %R} UTC, {when}"
    )


if __name__ == "__main__":
    sys.exit(main())
