"""From Spark's tables to the private warehouse: the file that guards, publisher and reports read.

The process of dbt writes down which Parquet files each table has. Then the nightly process makes
warehouse.duckdb of them: views on those files, which take no space and read what Spark wrote. Only
seeds, which are small, become tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

import duckdb

from landing.texts import quoted
from orchestration.settings.duckdb_settings import duckdb_settings
from orchestration.telling.failing_rows import keep_rows
from orchestration.warehouse.manifest import Manifest, Node, compiled_file, is_view, marts

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_TABLES = "tables.json"


def list_tables(session: SparkSession, tables: Sequence[str], folder: Path, kind: str) -> None:
    """Write the Parquet files of each table, schema.name, into `folder`/tables.json.

    `kind` is that of the catalog. A table that is no files of this machine, such as one of Iceberg,
    is written into `folder` once more: all machines of Spark must see that folder. Raises
    ValueError if the copy lacks rows.
    """
    files = {table: _files(session, table, folder, kind) for table in tables}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _TABLES).write_text(json.dumps(files), encoding="utf-8")


def keep_failing_rows(session: SparkSession, tests: Mapping[str, str], folder: Path) -> None:
    """Write the first row that each failed test finds into `folder`, by the test's unique id.

    `tests` has the compiled SQL. The rows stay in the folder of the private warehouse.
    """
    rows = {}
    for unique_id, query in tests.items():
        first = session.sql(f"select * from (\n{query}\n) limit 1").first()
        rows[unique_id] = first.asDict() if first else {}
    keep_rows(folder, rows)


def make_warehouse(
    manifest: Manifest, target: Path, folder: Path, warehouse: Path, scratch: Path
) -> None:
    """Make the private file `warehouse` of the tables that `list_tables` wrote down.

    `manifest` is that of the build, and `target` has the SQL that dbt compiled. Raises ValueError
    if a column is NULL that must not be: Parquet enforces nothing, where DuckDB would have refused
    the row.
    """
    files = json.loads((folder / _TABLES).read_text(encoding="utf-8"))
    faults: list[str] = []
    with duckdb.connect(str(warehouse), config=duckdb_settings(scratch)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for node in filter(is_stored, manifest["nodes"].values()):
            connection.execute(f"create schema if not exists {node['schema']}")
            # By hand, dbt on DuckDB puts a table where it finds a view, but no seed.
            kind = "table" if node["resource_type"] == "seed" else "view"
            query = _select(connection, files[_name(node)])
            connection.execute(f"create {kind} {_name(node)} as {query}")
            faults += _nulls(connection, node)
        # Their SQL is the same on both engines, and readers get it with the published file.
        for node in filter(is_view, marts(manifest)):
            query = compiled_file(target, node).read_text(encoding="utf-8")
            connection.execute(f"create schema if not exists {node['schema']}")
            connection.execute(f"create view {_name(node)} as {query}")
    if faults:
        raise ValueError("\n".join(faults))


def is_stored(node: Node) -> bool:
    """Return whether the node is a seed, or a model of which Spark makes a table."""
    is_built = node["resource_type"] in ("model", "seed")
    return is_built and node["config"]["materialized"] in ("table", "seed")


def _files(session: SparkSession, name: str, folder: Path, kind: str) -> list[str]:
    """Return the Parquet files of a table, written once more where these are not ours to read.

    Raises ValueError if other machines have written their rows where this one does not see them.
    """
    table = session.table(name)
    if kind in ("in-memory", "hive"):
        urls = [urlparse(url) for url in table.inputFiles()]
        if urls and all(url.scheme in ("", "file") for url in urls):
            return [unquote(url.path) for url in urls]
    copy = folder / "tables" / name
    table.write.parquet(copy.as_uri())
    there, here = table.count(), _rows_in(copy)
    if here != there:
        raise ValueError(
            f"{name} has {there:,} rows in Spark, and {here:,} in {copy}: {folder} must be a folder"
            " that all machines of Spark see"
        )
    return [str(copy / "*.parquet")]


def _rows_in(folder: Path) -> int:
    """Return the number of rows in the Parquet files of a folder, as their footers say."""
    files = [str(file) for file in folder.glob("*.parquet")]
    if not files:
        return 0
    with duckdb.connect() as connection:
        counted = connection.execute("select count(*) from read_parquet(?)", [files])
        [[rows]] = counted.fetchall()
        return rows


def _select(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> str:
    """Return SQL that reads Parquet of Spark, whose timestamps all carry a zone: UTC."""
    listed = ", ".join(quoted(file) for file in files)
    scan = f"read_parquet([{listed}], hive_partitioning = false)"
    zoned = [
        f"timezone('UTC', {name}) as {name}"
        for name, kind, *_ in connection.execute(f"describe from {scan}").fetchall()
        if kind == "TIMESTAMP WITH TIME ZONE"
    ]
    replaced = f" replace ({', '.join(zoned)})" if zoned else ""
    return f"select *{replaced} from {scan}"


def _nulls(connection: duckdb.DuckDBPyConnection, node: Node) -> list[str]:
    """Return a text for each column with a NULL that the contract of a mart forbids."""
    names = [
        name
        for name, column in node["columns"].items()
        if any(rule["type"] == "not_null" for rule in column.get("constraints", ()))
    ]
    if not names:
        return []
    counts = ", ".join(f"count(*) - count({name})" for name in names)
    [found] = connection.execute(f"select {counts} from {_name(node)}").fetchall()
    return [
        f"{_name(node)}.{name} is empty in {count:,} rows, and must never be"
        for name, count in zip(names, found, strict=True)
        if count
    ]


def _name(node: Node) -> str:
    return f"{node['schema']}.{node['name']}"
