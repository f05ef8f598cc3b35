"""Publish: copy the marts of a tested warehouse into a new version, and make it current.

A version holds tenure.duckdb and, beside it, parquet/<schema>/<table>.parquet and
audiences/<play_id>.csv.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from landing.texts import quoted
from orchestration.restating.watched import watched_reports
from orchestration.serving.audiences import write_audiences
from orchestration.serving.history import Build, write_history, write_reported_values
from orchestration.serving.published import FILE_NAME
from orchestration.serving.statements import comment, quoted_name
from orchestration.serving.versions import complete_versions, new_version
from orchestration.settings.duckdb_settings import duckdb_settings
from orchestration.warehouse.manifest import Manifest, Node, is_view, marts, passed_through


@dataclass(frozen=True)
class Publication:
    """A finished publication: the DuckDB file, its as_of, and the rows of each schema.table."""

    file: Path
    as_of: date
    rows: Mapping[str, int]


def build_id(started_at: datetime, run_id: str) -> str:
    """Return the name of a build, such as 20261121T221530Z-ab12cd. Names sort by start."""
    return f"{started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{_short(run_id)}"


def is_of_run(build_id: str, run_id: str) -> bool:
    """Return whether the run `run_id` has made the build `build_id`."""
    return build_id.endswith(f"-{_short(run_id)}")


def publish(
    build: Build,
    manifest: Manifest,
    *,
    warehouse: Path,
    serve: Path,
    scratch: Path,
    ledger: Path | None = None,
    keep_too: Callable[[duckdb.DuckDBPyConnection], None] | None = None,
) -> Publication:
    """Publish the marts of `manifest` from the file `warehouse` as a new version under `serve`.

    `ledger` is the file with what this build restates (restating/ledger.py). DuckDB writes
    temporary files into the folder `scratch`. `keep_too` gets a connection that uses the complete
    file before readers get it: if it raises, nothing is published. The caller holds the build lock,
    and all tests have passed. Raises FileExistsError if that build was published before, and
    OSError or duckdb.Error if something cannot be written. After any error, `current` points to a
    complete version.
    """
    with (
        new_version(serve, build.build_id) as folder,
        duckdb.connect(config=duckdb_settings(scratch)) as connection,
    ):
        connection.execute(f"attach {quoted(warehouse)} as warehouse (read_only)")
        # The oldest storage version: DuckDB clients from 1.1 on can read it.
        connection.execute(
            f"attach {quoted(folder / FILE_NAME)} as tenure (storage_version 'v1.0.0')"
        )
        passed = passed_through(manifest)
        for node in marts(manifest):
            if not is_view(node):
                _copy_mart(connection, node, passed)
        if any(node["name"] == "audiences" for node in marts(manifest)):
            write_audiences(connection, folder / "audiences")
        as_of = _as_of(connection)
        write_history(connection, build, as_of, complete_versions(serve), ledger)
        _create_views(connection, [node for node in marts(manifest) if is_view(node)], passed)
        write_reported_values(connection, watched_reports(manifest))
        rows = _write_parquet(connection, folder / "parquet")
        if keep_too:
            keep_too(connection)
        # All data must be in the one file. Readers would lose a .wal beside it, or replay it.
        connection.execute("use memory")
        connection.execute("checkpoint tenure")
        connection.execute("detach tenure")
    return Publication(serve / "versions" / build.build_id / FILE_NAME, as_of, rows)


def _short(run_id: str) -> str:
    return run_id.replace("-", "")[:6]


def _copy_mart(
    connection: duckdb.DuckDBPyConnection, node: Node, passed: Mapping[str, str]
) -> None:
    table = f"{quoted_name(node['schema'])}.{quoted_name(node['name'])}"
    connection.execute(f"create schema if not exists tenure.{quoted_name(node['schema'])}")
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
        connection.execute(f"create schema if not exists {quoted_name(node['schema'])}")
        connection.execute(by_name[node["schema"], node["name"]])
        _describe(connection, node, passed)


def _describe(connection: duckdb.DuckDBPyConnection, node: Node, passed: Mapping[str, str]) -> None:
    """Comment a new table or view from the manifest: it has no comments of its own."""
    mart = f"tenure.{quoted_name(node['schema'])}.{quoted_name(node['name'])}"
    comments = {name: column["description"] for name, column in node["columns"].items()}
    described = connection.execute(f"describe {mart}").fetchall()
    comments |= {
        name: passed[name] for name, *_ in described if name in passed and name not in comments
    }
    kind = "view" if is_view(node) else "table"
    comment(connection, kind, mart, node["description"], comments)


def _as_of(connection: duckdb.DuckDBPyConnection) -> date:
    [(as_of,)] = connection.execute("select as_of from warehouse.intermediate.int_as_of").fetchall()
    return as_of


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
            f"copy tenure.{quoted_name(schema)}.{quoted_name(table)} to {quoted(file)}"
            " (format parquet, compression zstd)"
        ).fetchall()
        rows[f"{schema}.{table}"] = count
    return rows
