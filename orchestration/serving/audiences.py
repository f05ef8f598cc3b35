"""The audiences of a build as CSV files, one for each running play: what a CRM imports.

    serve/versions/<build_id>/audiences/<play_id>.csv    ids, steps and offers: nothing personal
    audiences/<play_id>.csv                              the same, with columns of customers; 0600

The second kind is written only if $TENURE_AUDIENCE_COLUMNS names columns of the raw table
customers. Its folder is outside of serve/, and readable for its owner only.
"""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import yaml

from orchestration import paths
from orchestration.runs.durable import flush_to_disk
from orchestration.settings.duckdb_settings import duckdb_settings

_COLUMNS = (
    *("customer_id", "step", "channel", "offer", "due_on", "rank_in_play"),
    *("expected_worth", "p_alive", "enrolled_at"),
)


def audience_columns() -> list[str]:
    """Return the columns of customers that $TENURE_AUDIENCE_COLUMNS names, as `email, country`.

    Raises ValueError for a name that the raw table customers does not have or staging leaves out,
    or twice the same.
    """
    text = os.environ.get("TENURE_AUDIENCE_COLUMNS", "").strip()
    names = [name.strip() for name in text.split(",")] if text else []
    allowed = _columns_of_customers()
    if unknown := [name for name in names if name not in allowed]:
        raise ValueError(
            f"TENURE_AUDIENCE_COLUMNS: {', '.join(map(repr, unknown))} is not allowed;"
            f" give columns of customers: {', '.join(allowed)}"
        )
    if len(names) != len(set(names)):
        raise ValueError(f"TENURE_AUDIENCE_COLUMNS: {text!r} names a column twice")
    return names


def write_audiences(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the files without personal columns into the new `folder`.

    `connection` has the private warehouse attached under that name.
    """
    folder.mkdir()
    for play_id, rows in _audiences(connection, ()):
        with _file_of(folder, play_id).open("x", encoding="utf-8", newline="") as stream:
            _write(stream, _COLUMNS, rows)


def write_private_audiences(
    warehouse: Path, folder: Path, columns: Sequence[str], scratch: Path
) -> list[Path]:
    """Write the files with these `columns` of customers into `folder`, and return them.

    Files of earlier builds are removed first: if this fails, a CRM must not find the list of
    yesterday and write to the same people again. Each new file appears as a whole, and is never
    readable for others. Without `columns` none is written. DuckDB writes temporary files into the
    folder `scratch`, which no reader opens.
    """
    written = []
    if folder.exists():
        for file in folder.glob("*.csv*"):
            file.unlink()
        flush_to_disk(folder)
    if columns:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        with duckdb.connect(config=duckdb_settings(scratch)) as connection:
            file_name = str(warehouse).replace("'", "''")
            connection.execute(f"attach '{file_name}' as warehouse (read_only)")
            for play_id, rows in _audiences(connection, columns):
                file = _file_of(folder, play_id)
                _write_whole(file, (*_COLUMNS, *columns), rows)
                written.append(file)
        flush_to_disk(folder)
    return written


def _columns_of_customers() -> list[str]:
    """Return the declared columns that stg_customer_records has.

    It selects the columns of its own YAML, and those that are passed through.
    """
    staging = paths.ROOT / "models/staging"
    [model] = yaml.safe_load((staging / "stg_customer_records.yml").read_text(encoding="utf-8"))[
        "models"
    ]
    selected = {column["name"] for column in model["columns"]}
    sources = yaml.safe_load((staging / "_sources.yml").read_text(encoding="utf-8"))
    [columns] = [
        table["columns"]
        for source in sources["sources"]
        for table in source["tables"]
        if source["name"] == "raw" and table["name"] == "customers"
    ]
    return sorted(
        column["name"]
        for column in columns
        if column["name"] != "customer_id"
        and (
            column["name"] in selected
            or column.get("config", {}).get("meta", {}).get("pass_through")
        )
    )


def _audiences(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str]
) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Yield the rows of each running play, also of a play for which nobody is due today.

    A CRM that looks for a file must find it empty, and not the one of yesterday.
    """
    running = connection.execute(
        "select play_id from warehouse.intermediate.int_plays_started"
        " cross join warehouse.intermediate.int_as_of"
        " where starts_on <= as_of and (ends_on is null or ends_on > as_of) order by play_id"
    ).fetchall()
    selected = [f"audiences.{name}" for name in _COLUMNS]
    selected += [f'customers."{name}"' for name in columns]
    rows = connection.execute(
        f"select audiences.play_id, {', '.join(selected)} from warehouse.plays.audiences"
        # A customer without a record of that id has the one of an account that was merged into it.
        " left join warehouse.intermediate.int_customers_assessed as accounts"
        " on audiences.customer_id = accounts.customer_id"
        " left join warehouse.staging.stg_customer_records as customers"
        " on accounts.account_id = customers.customer_id and customers.outcome = 'accepted'"
        " order by audiences.play_id, rank_in_play, step"
    ).fetchall()
    by_play = {
        play_id: [row[1:] for row in group] for play_id, group in groupby(rows, lambda row: row[0])
    }
    for (play_id,) in running:
        yield play_id, by_play.get(play_id, [])


def _file_of(folder: Path, play_id: str) -> Path:
    # A law of the seed says so too. A name with a slash would leave the folder.
    if not re.fullmatch("[a-z0-9_]+", play_id):
        raise ValueError(f"play_id {play_id!r}: give small letters, digits and _")
    return folder / f"{play_id}.csv"


def _write_whole(file: Path, names: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    partial = file.with_name(f"{file.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8", newline="") as stream:
        _write(stream, names, rows)
    flush_to_disk(partial)
    os.replace(partial, file)


def _write(stream: Any, names: Sequence[str], rows: list[tuple[Any, ...]]) -> None:  # noqa: ANN401
    """Write a CSV. Values are written as they are: a changed id would match nobody in the CRM."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
