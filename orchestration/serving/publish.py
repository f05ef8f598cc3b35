"""Publish: copy the marts of a tested warehouse into a new version, and make it current.

A version holds tenure.duckdb and, beside it, parquet/<schema>/<table>.parquet and
audiences/<play_id>.csv.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.serving.audiences import write_audiences
from orchestration.serving.published import FILE_NAME
from orchestration.serving.versions import complete_versions, new_version
from orchestration.settings.duckdb_settings import duckdb_settings
from orchestration.warehouse.manifest import Manifest, Node, is_view, marts, passed_through

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
    """The facts of a build that are known before its tables are read.

    `started_at` has a timezone. `versions` is by package, `variables` by name of the dbt var.
    """

    build_id: str
    started_at: datetime
    git_sha: str | None
    versions: Mapping[str, str]
    variables: Mapping[str, Any]
    volume_drop_reason: str | None = None


@dataclass(frozen=True)
class Publication:
    """A finished publication: the DuckDB file, its as_of, and the rows of each schema.table."""

    file: Path
    as_of: date
    rows: Mapping[str, int]


def build_id(started_at: datetime, run_id: str) -> str:
    """Return the name of a build, such as 20261121T221530Z-ab12cd. Names sort by start."""
    return f"{started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{run_id.replace('-', '')[:6]}"


def publish(
    build: Build, manifest: Manifest, *, warehouse: Path, serve: Path, scratch: Path
) -> Publication:
    """Publish the marts of `manifest` from the file `warehouse` as a new version under `serve`.

    DuckDB writes temporary files into the folder `scratch`. The caller holds the build lock, and
    all tests have passed. Raises FileExistsError if that build was published before, and OSError or
    duckdb.Error if something cannot be written. After any error, `current` points to a
    complete version.
    """
    with (
        new_version(serve, build.build_id) as folder,
        duckdb.connect(config=duckdb_settings(scratch)) as connection,
    ):
        connection.execute(f"attach {_text(warehouse)} as warehouse (read_only)")
        # The oldest storage version: DuckDB clients from 1.1 on can read it.
        connection.execute(
            f"attach {_text(folder / FILE_NAME)} as tenure (storage_version 'v1.0.0')"
        )
        passed = passed_through(manifest)
        for node in marts(manifest):
            if not is_view(node):
                _copy_mart(connection, node, passed)
        if any(node["name"] == "audiences" for node in marts(manifest)):
            write_audiences(connection, folder / "audiences")
        as_of = _as_of(connection)
        # The newest version on disk and not the current one. After a rollback the current version
        # is an older one, and lacks the builds after it.
        _write_builds(connection, build, as_of, max(complete_versions(serve), default=None))
        _create_views(connection, [node for node in marts(manifest) if is_view(node)], passed)
        rows = _write_parquet(connection, folder / "parquet")
        # All data must be in the one file. Readers would lose a .wal beside it, or replay it.
        connection.execute("use memory")
        connection.execute("checkpoint tenure")
        connection.execute("detach tenure")
    return Publication(serve / "versions" / build.build_id / FILE_NAME, as_of, rows)


def _copy_mart(
    connection: duckdb.DuckDBPyConnection, node: Node, passed: Mapping[str, str]
) -> None:
    table = f"{_name(node['schema'])}.{_name(node['name'])}"
    connection.execute(f"create schema if not exists tenure.{_name(node['schema'])}")
    connection.execute(f"create table tenure.{table} as from warehouse.{table}")
    _describe(connection, node, passed)


def _create_views(
    connection: duckdb.DuckDBPyConnection, nodes: Sequence[Node], passed: Mapping[str, str]
) -> None:
    """Create the marts that are views, as dbt created them in the warehouse.

    DuckDB gives the statement back: no SQL of a model is read or changed here. The statement names
    schemas and tables and no database (macro without_database), so that the views also work in a
    copy of the file, and where the file is attached under another name. The warehouse is detached
    first. A view that names its database fails here, and not before a reader.
    """
    statements = connection.execute(
        "select schema_name, view_name, sql from duckdb_views() where database_name = 'warehouse'"
    ).fetchall()
    by_name = {(schema, name): sql for schema, name, sql in statements}
    connection.execute("use tenure")
    connection.execute("detach warehouse")
    for node in nodes:
        connection.execute(f"create schema if not exists {_name(node['schema'])}")
        connection.execute(by_name[node["schema"], node["name"]])
        _describe(connection, node, passed)


def _describe(connection: duckdb.DuckDBPyConnection, node: Node, passed: Mapping[str, str]) -> None:
    """Comment a new table or view from the manifest: it has no comments of its own."""
    mart = f"tenure.{_name(node['schema'])}.{_name(node['name'])}"
    comments = {name: column["description"] for name, column in node["columns"].items()}
    described = connection.execute(f"describe {mart}").fetchall()
    comments |= {
        name: passed[name] for name, *_ in described if name in passed and name not in comments
    }
    kind = "view" if is_view(node) else "table"
    _comment(connection, kind, mart, node["description"], comments)


def _comment(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    name: str,
    text: str,
    columns: Mapping[str, str],
) -> None:
    # In one transaction: alone, each of the hundreds of statements would wait for the disk.
    connection.begin()
    connection.execute(f"comment on {kind} {name} is {_text(text.strip())}")
    for column, description in columns.items():
        connection.execute(
            f"comment on column {name}.{_name(column)} is {_text(description.strip())}"
        )
    connection.commit()


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
    _comment(connection, "table", "tenure.meta.builds", _BUILDS_DESCRIPTION, descriptions)


def _write_parquet(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write each table and view of the file as Parquet; return the rows of each schema.table."""
    tables = connection.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_catalog = 'tenure' order by all"
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
