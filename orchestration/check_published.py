"""A dead man's switch for cron: `python -m orchestration.check_published --max-age 26h`.

It notices the cases in which no build can send an alert: the machine was off, the schedule was
stopped, or the build was killed. The exit codes:

    0   the version that readers get is young enough
    1   it is too old, there is nothing to read, or views of a catalog read another version; this
        sends an alert too
    2   the given age cannot be read
"""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from orchestration import paths
from orchestration.serving.published import PublishedBuild, published_build, served_file
from orchestration.serving.versions import current_build
from orchestration.settings.durations import format_duration, read_duration
from orchestration.spark.lakehouse import stopped_change
from orchestration.telling import alerts

YOUNG_ENOUGH, TOO_OLD, REFUSED = 0, 1, 2


class UnpublishedError(Exception):
    """Readers have no version that is young enough. The message is one line."""

    def __init__(self, problem: str, message: str) -> None:
        """Keep the `message`, and the `problem` in one or two words."""
        super().__init__(message)
        self.problem = problem


def main() -> int:
    """Check once; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="orchestration.check_published", description="Is what readers have young enough?"
    )
    parser.add_argument("--max-age", default="26h", help="such as 90m, 26h or 2d (default: 26h)")
    try:
        max_age = read_duration(parser.parse_args().max_age)
    except ValueError as error:
        print(f"MAX_AGE (--max-age): {error}")
        return REFUSED
    now = datetime.now(UTC)
    try:
        version = current_version(paths.serve(), now, max_age)
        if stopped := stopped_change(paths.serve()):
            raise UnpublishedError("two builds", f"{stopped[0].upper()}{stopped[1:]}.")
    except UnpublishedError as error:
        print(error)
        alerts.unpublished(error.problem, str(error))
        return TOO_OLD
    print(_line("Published", version, now))
    alerts.published(version.build_id, version.finished_at)
    return YOUNG_ENOUGH


def current_version(serve: Path, now: datetime, max_age: timedelta) -> PublishedBuild:
    """Return the build under `serve` that readers get at `now`, a time with a timezone.

    Raises UnpublishedError if there is none, if it cannot be read, or if it is older than
    `max_age`. A build from further than `max_age` in the future is an error too. It comes from a
    wrong clock, and would count as young for far too long.
    """
    if current_build(serve) is None:
        raise UnpublishedError("nothing", "Nothing has been published so far.")
    file = served_file(serve)
    try:
        version = published_build(file)
    except (OSError, ValueError, duckdb.Error) as error:
        reason = str(error).splitlines()[0]
        raise UnpublishedError("unreadable", f"{file} cannot be read: {reason}") from None
    if abs(now - version.finished_at) > max_age:
        line = _line("Nothing published since", version, now)
        raise UnpublishedError("too old", f"{line}, allowed {format_duration(max_age)}")
    return version


def _line(opening: str, version: PublishedBuild, now: datetime) -> str:
    age = now - version.finished_at
    is_past = age >= timedelta()
    when = f"{format_duration(age)} ago" if is_past else f"{format_duration(-age)} from now"
    return (
        f"{opening} {version.build_id}, as of {version.as_of},"
        f" finished {version.finished_at:%F %R} UTC, {when}"
    )


if __name__ == "__main__":
    sys.exit(main())
