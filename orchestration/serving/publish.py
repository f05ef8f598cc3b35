"""Publish: copy the marts of a tested warehouse into a new version, which readers then get.

A version holds tenure.duckdb and, beside it, parquet/<schema>/<table>.parquet.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.serving.versions import complete_versions, new_version
from orchestration.warehouse.manifest import Manifest, marts

FILE_NAME = "tenure.duckdb"

_BUILDS_DESCRIPTION = "One row per build that was published, oldest first."
_BUILDS_COLUMNS = {
    "build_id": ("varchar", "The name of the build and of its folder: UTC start and run."),
    "as_of": ("date", "The exclusive end of the data in this build."),
    "started_at": ("timestamp", "When the build started, UTC."),
    "finished_at": ("timestamp", "When its tables were complete, UTC, just before it was served."),
    "git_sha": ("varchar", "The commit that built it, with -dirty if files had been changed."),
    "versions": ("varchar", "The versions of the software that matter for numbers, as JSON."),
    "vars": ("varchar", "Every dbt var of the build with its value, as JSON."),
    "inputs_hash": ("varchar", "SHA-256 over table, name and SHA-256 of every raw file read."),
    "volume_drop_reason": (
        "varchar",
        "Why a raw table with far fewer rows than before was published; NULL when none had.",
    ),
    "is_current": ("boolean", "True for the build that this file holds."),
}


@dataclass(frozen=True)
class Build:
    """What a build knows of itself before its tables are read."""

    build_id: str
    started_at: datetime
    git_sha: str | None
    versions: Mapping[str, str]
    variables: Mapping[str, Any]
    volume_drop_reason: str | None = None


@dataclass(frozen=True)
class Published:
    """What was published: the DuckDB file, its as_of, and its rows by schema.table."""

    file: Path
    as_of: date
    rows: Mapping[str, int]


def build_id(started_at: datetime, run_id: str) -> str:
    """Return the name of a build, such as 20261121T221530Z-ab12cd; names sort by start."""
    return f"{started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{run_id.replace('-', '')[:6]}"


def publish(
    build: Build, manifest: Manifest, *, warehouse: Path, serve: Path, scratch: Path
) -> Published:
    """Publish the marts named in `manifest` from the `warehouse` file under `serve`.

    `scratch` is where DuckDB may spill. The caller holds the build lock and has seen every test
    pass. Raises FileExistsError if that build was published before; whatever is raised, `current`
    points to a complete version.
    """
    with new_version(serve, build.build_id) as folder, _connection(scratch) as connection:
        connection.execute(f"attach {_text(warehouse)} as warehouse (read_only)")
        # The oldest storage version, so that clients from DuckDB 1.1 on can read the file.
        connection.execute(
            f"attach {_text(folder / FILE_NAME)} as tenure (storage_version 'v1.0.0')"
        )
        for node in marts(manifest):
            _copy_mart(connection, node)
        as_of = _as_of(connection)
        # The newest one on disk and not the current one: after a rollback those that were rolled
        # back still are builds that happened.
        _write_builds(connection, build, as_of, max(complete_versions(serve), default=None))
        rows = _write_parquet(connection, folder / "parquet")
        # Everything into the one file: a .wal beside a served file is lost or, worse, replayed.
        connection.execute("checkpoint tenure")
        connection.execute("detach tenure")
    return Published(serve / "versions" / build.build_id / FILE_NAME, as_of, rows)


@contextmanager
def _connection(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    settings = {
        "temp_directory": str(scratch),
        "memory_limit": os.environ.get("TENURE_MEMORY_LIMIT", "4GB"),
        "threads": os.environ.get("TENURE_DUCKDB_THREADS", "2"),
    }
    with duckdb.connect(":memory:", config=settings) as connection:
        yield connection


def _copy_mart(connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any]) -> None:
    table = f"{_name(node['schema'])}.{_name(node['name'])}"
    connection.execute(f"create schema if not exists tenure.{_name(node['schema'])}")
    connection.execute(f"create table tenure.{table} as from warehouse.{table}")
    # A copy has no comments. Columns without one in the manifest are the contract's business.
    comments = {name: column["description"] for name, column in node["columns"].items()}
    _comment(connection, f"tenure.{table}", node["description"], comments)


def _comment(
    connection: duckdb.DuckDBPyConnection, table: str, text: str, columns: Mapping[str, str]
) -> None:
    connection.execute(f"comment on table {table} is {_text(text.strip())}")
    for name, description in columns.items():
        connection.execute(
            f"comment on column {table}.{_name(name)} is {_text(description.strip())}"
        )


def _as_of(connection: duckdb.DuckDBPyConnection) -> date:
    [(as_of,)] = connection.execute("select as_of from warehouse.intermediate.int_as_of").fetchall()
    return as_of


def _inputs_hash(connection: duckdb.DuckDBPyConnection) -> str:
    files = connection.execute(
        "select table_name, file, sha256 from warehouse.meta.source_files order by all"
    ).fetchall()
    return hashlib.sha256("\n".join("\t".join(file) for file in files).encode()).hexdigest()


def _write_builds(
    connection: duckdb.DuckDBPyConnection, build: Build, as_of: date, previous: Path | None
) -> None:
    columns = ", ".join(f"{name} {type_}" for name, (type_, _) in _BUILDS_COLUMNS.items())
    connection.execute("create schema if not exists tenure.meta")
    connection.execute(f"create table tenure.meta.builds ({columns})")
    if previous:
        connection.execute(f"attach {_text(previous / FILE_NAME)} as previous (read_only)")
        connection.execute(
            "insert into tenure.meta.builds by name"
            " select * replace (false as is_current) from previous.meta.builds order by build_id"
        )
        connection.execute("detach previous")
    connection.execute(
        "insert into tenure.meta.builds values (?, ?, ?, ?, ?, ?, ?, ?, ?, true)",
        [
            build.build_id,
            as_of,
            build.started_at.astimezone(UTC).replace(tzinfo=None),
            datetime.now(UTC).replace(tzinfo=None),
            build.git_sha,
            json.dumps(dict(build.versions), sort_keys=True),
            json.dumps(dict(build.variables), sort_keys=True),
            _inputs_hash(connection),
            build.volume_drop_reason,
        ],
    )
    descriptions = {name: description for name, (_, description) in _BUILDS_COLUMNS.items()}
    _comment(connection, "tenure.meta.builds", _BUILDS_DESCRIPTION, descriptions)


def _write_parquet(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write each table of the new file as Parquet; return its rows by schema.table."""
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables()"
        " where database_name = 'tenure' order by all"
    ).fetchall()
    rows = {}
    for schema, table in tables:
        (folder / schema).mkdir(parents=True, exist_ok=True)
        file = folder / schema / f"{table}.parquet"
        [(count,)] = connection.execute(
            f"copy tenure.{_name(schema)}.{_name(table)} to {_text(file)}"
            " (format parquet, compression zstd)"
        ).fetchall()
        rows[f"{schema}.{table}"] = count
    return rows


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(value: str | Path) -> str:
    return "'" + str(value).replace("'", "''") + "'"
