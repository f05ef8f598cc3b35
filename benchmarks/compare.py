"""Do two DuckDB files hold the same tables? The floor counts only if its numbers are right."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

# Rates and fits are floating point, and the last digits of their sums depend on the order.
TOLERANCE = 1e-9


def differences(published: Path, floor: Path) -> tuple[list[str], list[str]]:
    """Return the differences between the tables of both files, and what the floor lacks.

    It may lack tables, and columns as table.column.

    Compared are:

    - the number of rows;
    - the rows without their floating-point columns: by the sum of hashes, so in any order;
    - each exact column alone, so that a difference can be found;
    - the number and the sum of the values of each floating-point column.

    Schema meta is not compared.
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach '{published}' as published (read_only)")
        connection.execute(f"attach '{floor}' as floor (read_only)")
        tables, covered = (_tables(connection, database) for database in ("published", "floor"))
        found = [
            line for table in tables if table in covered for line in _differences(connection, table)
        ]
        left_out = [table for table in tables if table not in covered]
        left_out += [
            f"{table}.{column}"
            for table in tables
            if table in covered
            for column in _columns(connection, "published", table)
            if column not in _columns(connection, "floor", table)
        ]
    return found, left_out


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    rows = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables()"
        " where database_name = ? and schema_name <> 'meta' order by all",
        [database],
    ).fetchall()
    return [name for (name,) in rows]


def _columns(connection: duckdb.DuckDBPyConnection, database: str, table: str) -> dict[str, str]:
    described = connection.execute(f"describe {database}.{table}").fetchall()
    return {name: type_ for name, type_, *_ in described}


def _differences(connection: duckdb.DuckDBPyConnection, table: str) -> Iterator[str]:
    known = _columns(connection, "floor", table)
    published = _columns(connection, "published", table)
    types = {name: type_ for name, type_ in published.items() if name in known}
    one = _checks(connection, "published", table, types)
    other = _checks(connection, "floor", table, types)
    for check, value in one.items():
        of = one.get(f"size{check.removeprefix('sum')}") if check.startswith("sum") else None
        if of is not None and other[check] is not None:
            is_same = abs(value - other[check]) <= TOLERANCE * of
        else:
            is_same = value == other[check] or check.startswith("size")
        if not is_same:
            yield f"{table}: {check}: {value} published, {other[check]} by hand"


def _checks(
    connection: duckdb.DuckDBPyConnection, database: str, table: str, types: Mapping[str, str]
) -> Mapping[str, Any]:
    """Return the figures to compare, with the columns cast to the published types."""
    doubles = [name for name, type_ in types.items() if type_ == "DOUBLE"]
    exact = {name: f"{name}::{type_}" for name, type_ in types.items() if name not in doubles}
    checks = {"rows": "count(*)", "exact columns": f"sum(hash({', '.join(exact.values())}))"}
    for name, value in exact.items():
        is_number = types[name].startswith(("DECIMAL", "BIGINT"))
        checks[f"column {name}"] = f"sum({value})" if is_number else f"sum(hash({value}))"
    for name in doubles:
        checks |= {
            f"values of {name}": f"count({name})",
            f"sum of {name}": f"sum({name})",
            f"size of {name}": f"sum(abs({name}))",
        }
    [row] = connection.execute(
        f"select {', '.join(checks.values())} from {database}.{table}"
    ).fetchall()
    return dict(zip(checks, row, strict=True))
