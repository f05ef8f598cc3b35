"""A published number at once: `python -m orchestration.query --sql 'select ...'`.

The query reads the published file and nothing else, and it can write nothing. The exit codes:

    0   the rows are printed
    1   there is no published file, or DuckDB cannot run the query; its message says why
    2   there is not exactly one query, or an option is wrong
"""

import argparse
import os
import sys
from collections.abc import Iterable

import duckdb

from orchestration import paths
from orchestration.serving.published import NothingServedError, connect_to_served
from orchestration.telling.tables import as_csv, as_table, width_of_terminal

DONE, FAILED, REFUSED = 0, 1, 2
_ROWS = 40
_AT_ONCE = 10_000
_QUERIES = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}


class NoQueryError(ValueError):
    """The SQL is not exactly one query. The message says what to give."""


def main() -> int:
    """Run one query on the published file, and print its rows; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="orchestration.query", description="Ask the published tables."
    )
    parser.add_argument("--sql", default="", help="one query")
    parser.add_argument("--limit", default="", help=f"the most rows (default: {_ROWS}; CSV: all)")
    parser.add_argument("--format", default="", help="table or csv (default: table)")
    arguments = parser.parse_args()
    kind = arguments.format or "table"
    try:
        if kind not in ("table", "csv"):
            raise ValueError(f"FORMAT: {kind!r} is not allowed; give table or csv")
        most = read_limit(arguments.limit, None if kind == "csv" else _ROWS)
        with connect_to_served(paths.serve()) as connection:
            names, rows, others = run_query(connection, arguments.sql, most)
    except ValueError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except (NothingServedError, duckdb.Error) as error:
        print(error, file=sys.stderr)
        return FAILED
    hint = [f"... and {others:,} more rows; LIMIT={len(rows) + others} shows all"] if others else []
    if kind == "csv":
        print_lines(as_csv(names, rows))
        for line in hint:
            print(line, file=sys.stderr)
    else:
        print_lines([*as_table(names, rows, width_of_terminal()), *hint])
    return DONE


def run_query(
    connection: duckdb.DuckDBPyConnection, sql: str, most: int | None
) -> tuple[list[str], list[tuple], int]:
    """Run the one query in `sql`: return the columns' names, the rows, and how many more there are.

    `most` is the largest number of rows to return, or None for all. Raises NoQueryError if `sql` is
    not one query, and duckdb.Error if DuckDB cannot run it.
    """
    statements = connection.extract_statements(sql)
    # DuckDB makes two statements of a PIVOT: it creates a type first.
    if [one for one in statements if one.type in _QUERIES] != statements[-1:] or not statements:
        raise NoQueryError(
            "Give one query, for example: make query SQL='select * from meta.builds'."
            " The published tables cannot be changed. `make show` lists them."
        )
    for statement in statements:
        connection.execute(statement)
    names = [column[0] for column in connection.description]
    rows = connection.fetchall() if most is None else connection.fetchmany(most)
    others = 0
    while chunk := connection.fetchmany(_AT_ONCE):
        others += len(chunk)
    return names, rows, others


def read_limit(text: str, default: int | None) -> int | None:
    """Return the number of rows in `text`, or the `default` if it is empty.

    Raises ValueError if it is no whole number from 1 on.
    """
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"LIMIT: {text!r} is not allowed; give a number from 1 on")
    return int(text)


def print_lines(lines: Iterable[str]) -> None:
    """Print `lines`. If nobody reads on, as in `make query ... | head`, that is no fault."""
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:
        # Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
