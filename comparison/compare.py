"""The comparer: which rows and values of two files differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import yaml

MARTS = ("core", "cohorts", "churn", "clv", "journey", "plays", "meta", "bi")
# Two engines, or two orders of the same sum, differ in the last digits of a double.
TOLERANCE = 1e-12
# What such digits leave of the difference of two rates that are the same.
NOISE = 1e-15


@dataclass(frozen=True)
class Renames:
    """Names that changed on purpose, from the file before to the file after.

    Attributes:
        columns: new column name by old one, by table ('schema.table').
        values: new text by old one, by column ('schema.table.new_column').
        added: columns that are new, by table; a table without any is new as a whole.

    """

    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    added: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> "Renames":
        """Return the renames of a YAML file with the mappings `columns`, `values` and `added`."""
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        return cls(*(content.get(name) or {} for name in ("columns", "values", "added")))


@dataclass(frozen=True)
class Difference:
    """One way in which a table differs.

    Attributes:
        table: 'schema.table'.
        what: in words: rows on one side only, a column on one side only, or a column's values.
        rows: number of rows that differ in this way.
        example: one such row, as a text: its key and the two values.

    """

    table: str
    what: str
    rows: int
    example: str = ""

    def __str__(self) -> str:
        """Return the difference as one line."""
        example = f", such as {self.example}" if self.example else ""
        return f"{self.table}: {self.what}: {self.rows} rows{example}"


def compare(
    before: Path,
    after: Path,
    keys: Mapping[str, Sequence[str]],
    renames: Renames | None = None,
    schemas: Sequence[str] = MARTS,
    tolerance: float = TOLERANCE,
) -> list[Difference]:
    """Return every difference between the tables of two DuckDB files; an empty list if none.

    Args:
        before: the first file.
        after: the second file. It is read under the names of this file.
        keys: the columns that identify a row, by table ('schema.table').
        renames: names that changed between the files on purpose.
        schemas: the schemas whose tables are compared.
        tolerance: how far doubles may differ, relative to the larger of the two. Differences up
            to 1e-15 are none in any case.

    Raises:
        KeyError: a table has no key.

    """
    renames = renames or Renames()
    with duckdb.connect() as connection:
        connection.execute(f"attach '{before}' as before (read_only)")
        connection.execute(f"attach '{after}' as after (read_only)")
        tables_before, tables_after = (
            _tables(connection, database, schemas) for database in ("before", "after")
        )
        found = [
            Difference(table, "table only before", 0) for table in tables_before - tables_after
        ]
        new_tables = {table for table, columns in renames.added.items() if not columns}
        found += [
            Difference(table, "table only after", 0)
            for table in tables_after - tables_before - new_tables
        ]
        for table in sorted(tables_before & tables_after):
            found += _differences(connection, table, keys[table], renames, tolerance)
    return found


def _tables(
    connection: duckdb.DuckDBPyConnection, database: str, schemas: Sequence[str]
) -> set[str]:
    rows = connection.execute(
        "select table_schema || '.' || table_name from information_schema.tables"
        " where table_catalog = ? and list_contains(?, table_schema)",
        [database, list(schemas)],
    ).fetchall()
    return {name for (name,) in rows}


def _differences(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    key: Sequence[str],
    renames: Renames,
    tolerance: float,
) -> Iterator[Difference]:
    new_names = renames.columns.get(table, {})
    before = {
        new_names.get(name, name): (name, type_)
        for name, type_ in _columns(connection, "before", table)
    }
    after = dict(_columns(connection, "after", table))
    for name in before.keys() - after.keys():
        yield Difference(table, f"column {name} only before", 0)
    for name in after.keys() - before.keys() - set(renames.added.get(table, ())):
        yield Difference(table, f"column {name} only after", 0)
    shared = [name for name in after if name in before]
    for name in shared:
        if before[name][1] != after[name]:
            yield Difference(table, f"type of {name}: {before[name][1]}, now {after[name]}", 0)
    selected = ", ".join(
        f"{_renamed(renames, table, name, before[name][0])} as {name}" for name in shared
    )
    connection.execute(
        f"create or replace temp view before_rows as select {selected} from before.{table}"
    )
    connection.execute(
        f"create or replace temp view after_rows as select {', '.join(shared)} from after.{table}"
    )
    yield from _rows_on_one_side(connection, table, key)
    for name in shared:
        if name not in key:
            yield from _values(connection, table, key, name, after[name] == "DOUBLE", tolerance)


def _columns(
    connection: duckdb.DuckDBPyConnection, database: str, table: str
) -> list[tuple[str, str]]:
    return [row[:2] for row in connection.execute(f"describe {database}.{table}").fetchall()]


def _renamed(renames: Renames, table: str, name: str, old_name: str) -> str:
    """Return the SQL of a column before, with its values under the names of the file after."""
    values = renames.values.get(f"{table}.{name}")
    if not values:
        return old_name
    cases = " ".join(f"when '{old}' then '{new}'" for old, new in values.items())
    return f"case {old_name} {cases} else {old_name} end"


def _rows_on_one_side(
    connection: duckdb.DuckDBPyConnection, table: str, key: Sequence[str]
) -> Iterator[Difference]:
    columns = ", ".join(key)
    for one, other, side in [
        ("before_rows", "after_rows", "before"),
        ("after_rows", "before_rows", "after"),
    ]:
        # "all" keeps a key that stands twice on one side and once on the other.
        rows = connection.execute(
            f"select {columns} from {one} except all select {columns} from {other} order by all"
        ).fetchall()
        if rows:
            example = _text(key, rows[0])
            yield Difference(table, f"rows only {side}", len(rows), example)


def _values(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    key: Sequence[str],
    name: str,
    is_double: bool,
    tolerance: float,
) -> Iterator[Difference]:
    one, other = f"before_rows.{name}", f"after_rows.{name}"
    differs = f"{one} is distinct from {other}"
    if is_double:
        size = f"greatest(abs({one}), abs({other}))"
        allowed = f"greatest({tolerance} * {size}, {NOISE})"
        differs += f" and coalesce(abs({one} - {other}) > {allowed}, true)"
    on = " and ".join(f"before_rows.{k} is not distinct from after_rows.{k}" for k in key)
    columns = ", ".join(f"before_rows.{k}" for k in key)
    rows = connection.execute(
        f"select {columns}, {one}, {other} from before_rows inner join after_rows on {on}"
        f" where {differs} order by all"
    ).fetchall()
    if rows:
        *values, was, now = rows[0]
        example = f"{_text(key, values)}: {was!s} before, {now!s} after"
        yield Difference(table, f"values of {name}", len(rows), example)


def _text(names: Sequence[str], values: Sequence[Any]) -> str:
    return ", ".join(f"{name} {value!s}" for name, value in zip(names, values, strict=True))
