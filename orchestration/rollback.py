"""Serve an earlier version again: `python -m orchestration.rollback [--to BUILD_ID | --list]`.

Without a name this is the version before the current one. Readers that connect afterwards get it,
until the next build is published. Exit code 0: done. 1: there is no such version, or the views of a
catalog did not follow.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

from orchestration import paths
from orchestration.serving.published import FILE_NAME, PublishedBuild, published_build
from orchestration.serving.versions import (
    UnknownVersionError,
    complete_versions,
    current_build,
)
from orchestration.spark.lakehouse import roll_back, stopped_change, viewed_build


def main() -> int:
    """Make an earlier version current, and list the versions; return the exit code."""
    parser = argparse.ArgumentParser(prog="orchestration.rollback", description="Go back.")
    parser.add_argument("--to", default="", help="the build to serve")
    parser.add_argument("--list", action="store_true", help="only list the versions")
    arguments = parser.parse_args()
    failure = None if arguments.list else _go_back(arguments.to)
    print("\n".join(_listed_versions()))
    if failure:
        print(failure)
    is_half_done = not arguments.list and stopped_change(paths.serve())
    return 1 if failure or is_half_done else 0


def _go_back(to: str) -> str | None:
    """Serve the build `to`, or without a name the one before. Return what failed, or None."""
    unchanged = "Nothing was changed:"
    current = current_build(paths.serve())
    earlier = [
        path.name for path in complete_versions(paths.serve()) if path.name < (current or "")
    ]
    if not to and not earlier:
        return f"{unchanged} there is no version before the current one."
    target = to or earlier[-1]
    known = {path.name: path for path in complete_versions(paths.serve())}
    if target in known and not _build_of(known[target]):
        return f"{unchanged} {target} cannot be read. Name another version: TO=<build>."
    try:
        roll_back(paths.serve(), target)
    except UnknownVersionError as error:
        return f"{unchanged} there is no version {error}."
    except ValueError as error:
        return f"{unchanged} {error}"
    return None


def _build_of(version: Path) -> PublishedBuild | None:
    """Return the build in a version, or None if its file is damaged."""
    try:
        return published_build(version / FILE_NAME)
    except (OSError, ValueError, duckdb.Error):
        return None


def _listed_versions() -> list[str]:
    current = current_build(paths.serve())
    versions = complete_versions(paths.serve())
    if not versions:
        return [f"Nothing has been published under {paths.serve()}."]
    lines = ["   build                     as of       finished (UTC)"]
    for version in reversed(versions):
        mark = "->" if version.name == current else "  "
        build = _build_of(version)
        if not build:
            lines.append(f"{mark} {version.name} cannot be read")
            continue
        lines.append(
            f"{mark} {version.name:<26}{build.as_of}  {build.finished_at:%Y-%m-%d %H:%M:%S}"
        )
    if stopped := stopped_change(paths.serve()):
        lines += [
            f"But {stopped}.",
            f"If {current} was built on Spark, `make rollback TO={current}` lets them follow.",
            f"If it was built on DuckDB, it has no tables there: {_way_back(versions)}.",
        ]
    return lines


def _way_back(versions: Sequence[Path]) -> str:
    """Return what brings file and views together again if the views cannot follow."""
    viewed = viewed_build(paths.serve())
    earlier = viewed if viewed in [version.name for version in versions] else "<a build on Spark>"
    return f"`make spark` builds anew for both, and `make rollback TO={earlier}` goes back"


if __name__ == "__main__":
    sys.exit(main())
