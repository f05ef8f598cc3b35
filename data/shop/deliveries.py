"""Which file delivers which rows: one delivery per period, shop or till, in its own form.

Each function writes the files of one table, and returns the rows as a reader of the files finds
them. A row counts as often as files hold it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from shop import tables
from shop.files import (
    ORDER_TYPES,
    SPEND_TYPES,
    central_european,
    day_only,
    write_csv,
    write_parquet,
)
from shop.hard_cases import Case
from shop.orders import Order
from shop.tables import Row, Value, moment_of

YEARS = (2023, 2024, 2025)
STORE_COLUMNS = [c for c in tables.ORDERS if c not in ("shipping_amount", "is_test")]
SNAPSHOT_COLUMNS = [c for c in tables.SUBSCRIPTIONS if c not in ("effective_at", "updated_at")]
# An export of the subscriptions without times. Its day is in its name.
SNAPSHOT = "export-2023-04-01.csv"
SNAPSHOT_DAY = datetime(2023, 4, 1)


# --- Orders -------------------------------------------------------------------------------------


def deliver_orders(folder: Path, orders: Iterable[Order]) -> list[Row]:
    """Write the orders: one file per till, shop or period, each in the format of its system."""
    files = orders_by_file(orders)
    for name in sorted(files):
        rows = by(files[name], "order_id", "updated_at")
        if name.endswith(".parquet"):
            write_parquet(folder / name, ORDER_TYPES, rows)
        elif name == "2023-stores.csv":
            write_csv(folder / name, STORE_COLUMNS, rows, day_only)
            files[name] = [as_stores_export_it(row) for row in rows]
        elif name == "2025-eu-shop.csv":
            write_csv(folder / name, tables.ORDERS, rows, central_european)
        else:
            write_csv(folder / name, tables.ORDERS, rows)
    # The same file again under another name: every row in it is superseded.
    (folder / "2024-12-till-again.csv").write_bytes((folder / "2024-12-till.csv").read_bytes())
    files["2024-12-till-again.csv"] = files["2024-12-till.csv"]
    return [row for rows in files.values() for row in rows]


def orders_by_file(orders: Iterable[Order]) -> dict[str, list[Row]]:
    """Return the rows of each file; an order is delivered again when its state changes."""
    files: defaultdict[str, list[Row]] = defaultdict(list)
    for item in orders:
        row = item.row
        channel, final_at = row["channel"], moment_of(row, "updated_at")
        final_file = order_file(item.country, channel, final_at)
        if item.seen_before and item.seen_before < final_at:
            early_file = order_file(item.country, channel, item.seen_before)
            if early_file != final_file:
                early = row | {"status": "paid", "updated_at": item.seen_before}
                files[early_file].append(early)
        files[final_file].append(row)
    return files


def order_file(country: str, channel: Value, moment: datetime) -> str:
    """Return the name of the file that delivers the state of an order at this moment."""
    if moment.year == 2023:
        if channel == "store":
            return "2023-stores.csv"
        return "2023-h1.csv.gz" if moment.month <= 6 else "2023-h2.csv.gz"
    if moment.year == 2024:
        return "2024-12-till.csv" if channel == "store" and moment.month == 12 else "2024.parquet"
    if channel != "store" and country in ("DE", "FR"):
        return "2025-eu-shop.csv"
    return f"2025-q{(moment.month + 2) // 3}.csv"


def as_stores_export_it(row: Row) -> Row:
    """Return an order with the columns of the stores only, and without times of day."""
    midnight = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    return {
        column: value.replace(**midnight) if isinstance(value := row[column], datetime) else value
        for column in STORE_COLUMNS
    }


# --- Subscriptions ------------------------------------------------------------------------------


def deliver_subscriptions(folder: Path, rows: Sequence[Row]) -> list[Row]:
    """Write the subscriptions by day of delivery; the first file is an export without times.

    The rows that are returned have the effective moments that follow from the files.
    """
    rows = undated_in_snapshot(rows)
    files: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        files[subscription_file(row)].append(row)
    for name, of_file in files.items():
        columns = SNAPSHOT_COLUMNS if name == SNAPSHOT else tables.SUBSCRIPTIONS
        write_csv(
            folder / name, columns, by(of_file, "subscription_id", "updated_at", "started_at")
        )
    return [
        dict.fromkeys(tables.SUBSCRIPTIONS)
        | row
        | {"effective_at": row.get("effective_at") or row.get("updated_at") or SNAPSHOT_DAY}
        for row in rows
    ]


def undated_in_snapshot(rows: Sequence[Row]) -> list[Row]:
    """Return the rows, without times if the snapshot delivers them.

    A snapshot can only hold what had one state so far. The day in the name of the file is the
    effective moment of its rows, and the earliest row counts from the start.
    """
    states = Counter(
        row["subscription_id"]
        for row in rows
        if moment_of(row, "effective_at", "updated_at") <= SNAPSHOT_DAY
    )

    def is_in_snapshot(row: Row) -> bool:
        key = str(row["subscription_id"])
        is_first = row["effective_at"] == row["started_at"]
        is_generated = key.startswith("s-0")
        return is_first and is_generated and states[key] == 1

    undated: Row = {"effective_at": None, "updated_at": None}
    return [row | undated if is_in_snapshot(row) else row for row in rows]


def subscription_file(row: Row) -> str:
    """Return the name of the file that delivers this version of a subscription."""
    delivered_at = row["updated_at"]
    if not isinstance(delivered_at, datetime):
        return SNAPSHOT
    if delivered_at.year == 2025:
        return "2025-h1.csv" if delivered_at.month <= 6 else "2025-h2.csv"
    return "2023.csv" if delivered_at.year == 2023 else "2024.csv.gz"


# --- Billing ------------------------------------------------------------------------------------


def deliver_billing(folder: Path, cases: Iterable[Case]) -> dict[str, list[Row]]:
    """Write the files of the billing system, one per table, with the columns that only it has."""
    of_billing = [case for case in cases if case.is_of_billing]
    orders = [item.row for case in of_billing for item in case.orders]
    refunds = [row for case in of_billing for row in case.refunds]
    subscriptions = [row for case in of_billing for row in case.subscriptions]
    rows_of = {
        "orders": by(orders, "order_id", "updated_at"),
        "refunds": by(refunds, "refund_id", "updated_at", "refunded_at"),
        "subscriptions": by(subscriptions, "subscription_id", "updated_at"),
    }
    for name, rows in rows_of.items():
        write_csv(folder / name / "2025-billing.csv", tables.BILLING_COLUMNS[name], rows)
    return {
        name: [dict.fromkeys(tables.BILLING_COLUMNS[name]) | row for row in rows]
        for name, rows in rows_of.items()
    }


# --- Customers, milestones, voice, refunds and marketing ----------------------------------------


def deliver_customers(folder: Path, rows: Sequence[Row]) -> list[Row]:
    """Write the customers by year of the change; the last file has a column of its own."""
    names = {2023: "2023.csv.gz", 2024: "2024.csv", 2025: "2025.csv"}
    for year, of_year in by_year(rows, "updated_at").items():
        columns = [*tables.CUSTOMERS, "utm_campaign"] if year == 2025 else tables.CUSTOMERS
        write_csv(folder / names[year], columns, by(of_year, "customer_id", "updated_at"))
    return list(rows)


def deliver_milestones(folder: Path, rows: Sequence[Row]) -> list[Row]:
    """Write the milestones by year; the first file is compressed."""
    names = {2023: "2023.csv.gz", 2024: "2024.csv", 2025: "2025.csv"}
    for year, of_year in by_year(rows, "reached_at").items():
        ordered = by(of_year, "customer_id", "reached_at")
        write_csv(folder / names[year], tables.MILESTONES, ordered)
    return list(rows)


def deliver_voice(folder: Path, rows_of: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """Write feedback, tickets and carts by the year of the change; the first file is compressed."""
    names = {2023: "2023.csv.gz", 2024: "2024.csv", 2025: "2025.csv"}
    for table, columns in tables.VOICE.items():
        for year, of_year in by_year(rows_of[table], "updated_at").items():
            write_csv(folder / table / names[year], columns, by(of_year, columns[0], "updated_at"))
    return {
        table: [dict.fromkeys(columns) | row for row in rows_of[table]]
        for table, columns in tables.VOICE.items()
    }


def deliver_contacts(folder: Path, rows: Sequence[Row]) -> list[Row]:
    """Write the contacts by year; the second file is compressed."""
    names = {2024: "2024.csv", 2025: "2025.csv.gz"}
    for year, of_year in by_year(rows, "sent_at").items():
        if of_year:
            write_csv(folder / names[year], tables.CONTACTS, by(of_year, "contact_id", "sent_at"))
    return list(rows)


def deliver_refunds(folder: Path, rows: Sequence[Row]) -> list[Row]:
    """Write the refunds by year."""
    for year, of_year in by_year(rows, "refunded_at").items():
        ordered = by(of_year, "refund_id", "refunded_at")
        write_csv(folder / f"{year}.csv", tables.REFUNDS, ordered)
    return list(rows)


def deliver_spend(folder: Path, rows: Sequence[Row]) -> list[Row]:
    """Write the marketing spend by year; one year comes as Parquet."""
    for year, of_year in by_year(rows, "spend_date").items():
        if year == 2024:
            write_parquet(folder / f"{year}.parquet", SPEND_TYPES, of_year)
        else:
            write_csv(folder / f"{year}.csv", tables.SPEND, of_year)
    return list(rows)


def by_year(rows: Iterable[Row], column: str) -> Mapping[int, list[Row]]:
    """Return the rows of each year."""
    years: dict[int, list[Row]] = {year: [] for year in YEARS}
    for row in rows:
        years[row[column].year].append(row)
    return years


def by(rows: Iterable[Row], key: str, *moments: str) -> list[Row]:
    """Return the rows by time and key; the time is the first of these columns that is filled."""
    return sorted(rows, key=lambda row: (moment_of(row, *moments), str(row[key])))
