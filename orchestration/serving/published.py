"""The published file, as a reader sees it."""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import duckdb

from orchestration.serving.statements import quoted_name
from orchestration.serving.versions import current_build, served_versions

FILE_NAME = "tenure.duckdb"

_Compared = TypeVar("_Compared")

_logger = logging.getLogger(__name__)


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


def compare_with_served(serve: Path, compare: Callable[[Path | None], _Compared]) -> _Compared:
    """Return what `compare` returns for the newest file under `serve` that can be read.

    It gets None if there is none, as on a first night. A damaged file is a warning: readers need
    the next build all the more. Raises what `compare` raises for a file without damage.
    """
    versions = served_versions(serve)
    for version in versions:
        file = version / FILE_NAME
        try:
            # A file that is missing is as bad as a damaged one.
            file.stat()
            return compare(file)
        except (OSError, duckdb.Error) as error:
            if _is_intact(file):
                raise
            _logger.warning("warning: %s cannot be read: %s", file, str(error).splitlines()[0])
    if versions:
        _logger.warning(
            "warning: no published version can be read, so this build is compared with nothing"
        )
    return compare(None)


def _is_intact(file: Path) -> bool:
    """Return whether every value in the published `file` can be read."""
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            for name in connection.execute(
                "select schema_name, table_name from duckdb_tables()"
            ).fetchall():
                table = ".".join(map(quoted_name, name))
                connection.execute(f"select bit_xor(hash(rows)) from {table} as rows")
    except (OSError, duckdb.Error):
        return False
    return True


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
