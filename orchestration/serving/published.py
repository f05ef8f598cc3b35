"""The published file, as a reader sees it."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from orchestration.serving.versions import current_build

FILE_NAME = "tenure.duckdb"


class NothingServedError(Exception):
    """Readers have no file that can be read. The message says what to do."""


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


def connect_as_reader(file: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection that reads the published `file`, and nothing else on this machine.

    It can write nothing and load no extension, whatever SQL it is given. Raises duckdb.Error if the
    file cannot be read.
    """
    connection = duckdb.connect(
        str(file), read_only=True, config={"enable_external_access": "false"}
    )
    # Without external access DuckDB still opens its own file, also as the target of a copy.
    connection.execute("set disabled_filesystems = 'LocalFileSystem'")
    connection.execute("set lock_configuration = true")
    return connection


def connect_to_served(serve: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection of connect_as_reader to the build under `serve` that readers get.

    Raises NothingServedError before the first build, and if the file cannot be read.
    """
    file = served_file(serve)
    if current_build(serve) is None:
        raise NothingServedError(f"Nothing has been published under {serve}. Run: make build")
    try:
        return connect_as_reader(file)
    except duckdb.Error as error:
        raise NothingServedError(f"{file} cannot be read: {error}") from None
