"""Small pieces of SQL: names and texts in quotes, and comments of tables."""

from collections.abc import Mapping
from pathlib import Path

import duckdb


def quoted_name(identifier: str) -> str:
    """Return an identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def quoted_text(value: str | Path) -> str:
    """Return a text in single quotes."""
    return "'" + str(value).replace("'", "''") + "'"


def comment(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    name: str,
    text: str,
    columns: Mapping[str, str],
) -> None:
    """Comment the table or view `name` (`kind` says which), and its columns."""
    # In one transaction: alone, each of the hundreds of statements would wait for the disk.
    connection.begin()
    connection.execute(f"comment on {kind} {name} is {quoted_text(text.strip())}")
    for column, description in columns.items():
        connection.execute(
            f"comment on column {name}.{quoted_name(column)} is {quoted_text(description.strip())}"
        )
    connection.commit()
