"""A landing zone: how rows of raw tables become files, as a shop would deliver them.

Everywhere here, a file is (table, file name, columns, rows), and a row is a dict.
"""

import csv
import gzip
import io
import shutil
from datetime import date, datetime

import duckdb

# A file always has these columns. Other columns may be left out when no row has a value.
REQUIRED = {
    "orders": {"order_id", "customer_id", "ordered_at", "amount"},
    "refunds": {"refund_id", "order_id", "refunded_at", "amount"},
    "customers": {"customer_id"},
    "subscriptions": {
        "subscription_id",
        "customer_id",
        "started_at",
        "amount",
        "billing_interval",
    },
    "marketing_spend": {"spend_date", "channel", "amount"},
    "milestones": {"customer_id", "milestone", "reached_at"},
    "feedback": {"feedback_id", "customer_id", "given_at", "kind"},
    "tickets": {"ticket_id", "customer_id", "opened_at"},
    "carts": {"cart_id", "customer_id", "created_at"},
}
PARQUET_TYPES = {
    "amount": "DECIMAL(12, 2)",
    "discount_amount": "DECIMAL(12, 2)",
    "interval_count": "INTEGER",
    "quantity": "BIGINT",
    "score": "INTEGER",
    "transfers": "INTEGER",
    "is_test": "BOOLEAN",
    "is_deleted": "BOOLEAN",
    "auto_renews": "BOOLEAN",
    "spend_date": "DATE",
    "birth_date": "DATE",
    "marketing_consent": "BOOLEAN",
}
# Without a date: a subscription that names no effective moment would take the date of its file.
FILE_NAMES = ["all", "again", "late", "part 2", "Z-export", "it's"]
SUFFIXES = [".csv", ".csv.gz", ".parquet"]


def plainly(rows_by_table):
    """A CSV file per table."""
    return [
        (table, "all.csv", list(rows[0]), rows) for table, rows in rows_by_table.items() if rows
    ]


def columns_to_write(table, columns, rows):
    """The columns without those that a file may leave out, in the same order."""
    return [
        column
        for column in columns
        if column in REQUIRED[table] or any(row[column] is not None for row in rows)
    ]


def write(folder, files):
    """Write the files into the emptied folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for table, name, columns, rows in files:
        path = folder / table / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            write_parquet(path, columns, rows)
            continue
        content = csv_text(columns, rows).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def csv_text(columns, rows):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([text(row[column]) for column in columns] for row in rows)
    return buffer.getvalue()


def text(value):
    """The value as a raw file spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    return "" if value is None else str(value)


def write_parquet(path, columns, rows):
    types = {
        column: PARQUET_TYPES.get(column, "TIMESTAMP" if column.endswith("_at") else "VARCHAR")
        for column in columns
    }
    # A bare date says another thing than the timestamp of its midnight.
    if any(type(row.get("ended_at")) is date for row in rows):
        types["ended_at"] = "VARCHAR"
        rows = [row | {"ended_at": text(row["ended_at"])} for row in rows]
    select = ", ".join(f"unnest(?::{kind}[]) as {column}" for column, kind in types.items())
    target = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        values = [[row[column] for row in rows] for column in columns]
        connection.execute(f"create table rows as select {select}", values)
        connection.execute(f"copy rows to '{target}' (format parquet)")
