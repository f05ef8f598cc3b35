"""How rows become files: CSV, compressed CSV and Parquet, with the clocks of several systems."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from shop import tables
from shop.tables import Row, Value

ORDER_TYPES = {
    column: {
        "ordered_at": "TIMESTAMP",
        "updated_at": "TIMESTAMP",
        "is_test": "BOOLEAN",
    }.get(column, "DECIMAL(12, 2)" if column.endswith("amount") else "VARCHAR")
    for column in tables.ORDERS
}
SPEND_TYPES = {
    "spend_date": "DATE",
    "channel": "VARCHAR",
    "amount": "DECIMAL(12, 2)",
    "currency": "VARCHAR",
}


def utc(moment: datetime) -> str:
    """Write `2024-03-05T14:22:31Z`."""
    return moment.isoformat() + "Z"


def day_only(moment: datetime) -> str:
    """Write `2024-03-05`."""
    return moment.date().isoformat()


def central_european(moment: datetime) -> str:
    """Write the clock of Berlin and Paris with its offset, `2024-03-05T15:22:31+01:00`."""

    def last_sunday(month: int) -> datetime:
        last = datetime(moment.year, month, 31, 1)
        return last - timedelta(days=(last.weekday() + 1) % 7)

    hours = 2 if last_sunday(3) <= moment < last_sunday(10) else 1
    return f"{(moment + timedelta(hours=hours)).isoformat()}+0{hours}:00"


def text(value: Value, moment_text: Callable[[datetime], str]) -> str:
    """Return a value as it stands in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return moment_text(value)
    return str(value)


def write_csv(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Row],
    moment_text: Callable[[datetime], str] = utc,
) -> None:
    """Write a CSV file, compressed if its name ends in .gz."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([text(row.get(column), moment_text) for column in columns])
    content = buffer.getvalue().encode()
    if path.suffix == ".gz":
        # Without a time in its header the file has the same bytes each time.
        content = gzip.compress(content, mtime=0)
    path.write_bytes(content)


def write_parquet(path: Path, types: dict[str, str], rows: Sequence[Row]) -> None:
    """Write a Parquet file with native types."""
    values = {column: [row.get(column) for row in rows] for column in types}
    select = ", ".join(f"unnest(?::{kind}[]) as {column}" for column, kind in types.items())
    target = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        # With more threads the order of the row groups would be a matter of chance.
        connection.execute("set threads = 1")
        connection.execute(f"create table rows as select {select}", list(values.values()))
        connection.execute(f"copy rows to '{target}' (format parquet, compression zstd)")
