"""The published file, as a reader sees it."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

FILE_NAME = "tenure.duckdb"


class PublishedBuild(NamedTuple):
    """The build in a published file: its id, the exclusive end of its data, and its end in UTC."""

    build_id: str
    as_of: date
    finished_at: datetime


def served_file(serve: Path) -> Path:
    """Return the DuckDB file that readers get now. Before the first build it does not exist."""
    return serve / "current" / FILE_NAME


def published_build(file: Path) -> PublishedBuild:
    """Return the build in the published `file`: the current row of meta.builds.

    Raises duckdb.Error if the file cannot be read, and ValueError if no single row is current.
    """
    with duckdb.connect(str(file), read_only=True) as connection:
        [(build_id, as_of, finished_at)] = connection.execute(
            "select build_id, as_of, finished_at from meta.builds where is_current"
        ).fetchall()
    return PublishedBuild(build_id, as_of, finished_at.replace(tzinfo=UTC))
