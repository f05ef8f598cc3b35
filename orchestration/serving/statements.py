"""Small pieces of SQL: names in quotes, and comments of tables."""

from collections.abc import Mapping

import duckdb

from landing.texts import quoted


def quoted_name(identifier: str) -> str:
    """Return an identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


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
    connection.execute(f"comment on {kind} {name} is {quoted(text.strip())}")
    for column, description in columns.items():
        connection.execute(
            f"comment on column {name}.{quoted_name(column)} is {quoted(description.strip())}"
        )
    connection.commit()
