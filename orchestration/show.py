"""What is published: `python -m orchestration.show [--table NAME]`.

Without a name it lists all tables. With one it prints the comment of the table, the comment of each
column, and some rows. The exit codes:

    0   printed
    1   there is no published file, or it cannot be read
    2   there is no such table, or an option is wrong
"""

import argparse
import difflib
import re
import sys
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import duckdb

from orchestration import paths
from orchestration.query import DONE, FAILED, REFUSED, print_lines, read_limit, run_query
from orchestration.serving.published import NothingServedError, connect_to_served
from orchestration.telling.tables import as_table, width_of_terminal

_ROWS = 5
_TABLES = """
    select schema_name, table_name, comment from duckdb_tables()
    union all
    select schema_name, view_name, comment from duckdb_views() where not internal
    order by all
"""
_COLUMNS = """
    select column_name, data_type, comment from duckdb_columns()
    where schema_name = ? and table_name = ?
    order by column_index
"""


class UnknownTableError(ValueError):
    """No published table has this name, or several have it. The message names those meant."""


class PublishedTable(NamedTuple):
    """A published table or view: its schema, its name without the schema, and its comment."""

    schema: str
    name: str
    comment: str

    def __str__(self) -> str:
        """Return the name with the schema, as SQL takes it."""
        return f"{self.schema}.{self.name}"


def main() -> int:
    """Print the list of the tables, or one table; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="orchestration.show", description="Look at the published tables."
    )
    parser.add_argument("--table", default="", help="with or without its schema")
    parser.add_argument("--limit", default="", help=f"the most rows (default: {_ROWS})")
    arguments = parser.parse_args()
    width = width_of_terminal()
    try:
        most = read_limit(arguments.limit, _ROWS)
        with connect_to_served(paths.serve()) as connection:
            tables = published_tables(connection)
            if arguments.table:
                lines = _one_table(connection, find_table(tables, arguments.table), most, width)
            else:
                lines = _list(connection, tables, width)
    except ValueError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except (NothingServedError, duckdb.Error) as error:
        print(error, file=sys.stderr)
        return FAILED
    print_lines(lines)
    return DONE


def published_tables(connection: duckdb.DuckDBPyConnection) -> list[PublishedTable]:
    """Return all published tables and views, by schema and name."""
    rows = connection.execute(_TABLES).fetchall()
    return [PublishedTable(schema, name, comment or "") for schema, name, comment in rows]


def find_table(tables: Sequence[PublishedTable], given: str) -> PublishedTable:
    """Return the table that is `given` by its name, with or without the schema, in any case.

    Raises UnknownTableError if there is not exactly one.
    """
    wanted = given.strip().lower()
    found = [table for table in tables if wanted in (table.name.lower(), str(table).lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownTableError(f"{given!r} is in several schemas: {_names(found)}")
    # A close name is one with or without the schema: rpt_mr, chrun.rpt_mrr.
    known = {str(table).lower(): table for table in tables}
    known |= {table.name.lower(): table for table in tables}
    close = dict.fromkeys(
        known[name] for name in difflib.get_close_matches(wanted, known, n=5, cutoff=0.75)
    )
    hint = f" Did you mean {' or '.join(str(table) for table in close)}?" if close else ""
    raise UnknownTableError(f"No published table {given!r}.{hint} There are: {_names(tables)}")


def _list(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable], width: int | None
) -> list[str]:
    [(build, as_of)] = connection.execute(
        "select build_id, as_of from meta.builds where is_current"
    ).fetchall()
    rows = [(str(one), _count(connection, one), _first_sentence(one.comment)) for one in tables]
    return [
        f"Published {build}, as of {as_of}:",
        "",
        *as_table(["table", "rows", "holds"], rows, width, is_turned=False),
        "",
        "One of them: make show TABLE=name. A query: make query SQL='select ...'",
    ]


def _one_table(
    connection: duckdb.DuckDBPyConnection, table: PublishedTable, most: int, width: int | None
) -> list[str]:
    columns = connection.execute(_COLUMNS, [table.schema, table.name]).fetchall()
    query = _some_rows(table, columns)
    names, rows, _ = run_query(connection, query, most)
    comment = " ".join(table.comment.split())
    return [
        f"{table}, {_count(connection, table):,} rows",
        *(textwrap.wrap(comment, width) if width else [comment]),
        "",
        *as_table(
            ["column", "type", "holds"],
            [(name, kind, " ".join((text or "").split())) for name, kind, text in columns],
            width,
            is_turned=False,
        ),
        "",
        f'make query SQL="{query}" LIMIT={most}',
        "",
        *as_table(names, rows, width),
    ]


def _some_rows(table: PublishedTable, columns: Sequence[tuple[str, str, str]]) -> str:
    """Return a query of the rows that say most: those of the total, the latest period first."""
    has_segments = any(name == "segment_name" for name, _, _ in columns)
    times = [name for name, kind, _ in columns if kind.startswith(("DATE", "TIMESTAMP"))]
    total = " where segment_name = 'all'" if has_segments else ""
    latest = f"{times[0]} desc, " if times else ""
    return f"select * from {table}{total} order by {latest}columns(*)"


def _count(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> int:
    [(count,)] = connection.execute(f"select count(*) from {table}").fetchall()
    return count


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s", " ".join(text.split()), maxsplit=1)[0]


def _names(tables: Sequence[PublishedTable]) -> str:
    return ", ".join(str(table) for table in tables)


if __name__ == "__main__":
    sys.exit(main())
