"""Which rows are in force, and which of these count."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

Row = dict[str, Any]

KNOWN_STATUSES = {"paid", "fulfilled", "cancelled", "void", "failed", "refunded"}
KEYS = {
    "orders": ("order_id",),
    "refunds": ("refund_id",),
    "customers": ("customer_id",),
    "subscriptions": ("subscription_id", "item_id", "effective_at"),
    "marketing_spend": ("spend_date", "channel"),
    "milestones": ("customer_id", "milestone", "reached_at"),
    "feedback": ("feedback_id",),
    "tickets": ("ticket_id",),
    "carts": ("cart_id",),
    "contacts": ("contact_id",),
}


# A conflict about one of these columns changes no answer, so nobody need know who wins it.
IRRELEVANT = {"channel"}


def in_force(table: str, rows: Iterable[Row]) -> tuple[list[Row], Counter[str]]:
    """Return the version with the latest `updated_at` of each key, and why the others lose."""
    latest: dict[tuple[Any, ...], Row] = {}
    seen: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    lost: Counter[str] = Counter()
    for row in rows:
        key = tuple(row.get(column) for column in KEYS[table])
        is_repeated = row in seen[key]
        seen[key].append(row)
        if key not in latest:
            latest[key] = row
            continue
        rival = latest[key]
        times = [version.get("updated_at") or datetime.min for version in (rival, row)]
        if is_repeated:
            lost["the same record again"] += 1
        elif times[0] == times[1]:
            differs = {column for column in row | rival if row.get(column) != rival.get(column)}
            if not differs <= IRRELEVANT:
                raise ValueError(f"{table} {key}: which version is in force is a matter of chance")
            lost["conflict"] += 1
        else:
            lost["a later version of the same key"] += 1
        if times[1] > times[0]:
            latest[key] = row
    return list(latest.values()), lost


def survivors_of(customers: Iterable[Row], as_of: datetime) -> dict[str, str]:
    """Return the account that each merged account has become.

    A merge into an account that was itself merged goes on. A way that leads into a circle is no
    merge, and nor is one from as_of on.
    """
    into = {
        row["customer_id"]: row["merged_into_customer_id"]
        for row in customers
        if row.get("merged_into_customer_id")
        and (row.get("merged_at") or row["updated_at"]) < as_of
    }
    survivors: dict[str, str] = {}
    for account in into:
        way = [account]
        while way[-1] in into and into[way[-1]] not in way:
            way.append(into[way[-1]])
        if way[-1] not in into:
            survivors[account] = way[-1]
    return survivors


class CountedRows:
    """The rows that count, and what became of all others.

    All rows of a merged account bear the id of the account that it has become, for all history.
    """

    def __init__(
        self,
        delivered: Mapping[str, Sequence[Row]],
        rejected: Counter[tuple[str, str]],
        emptied: Counter[tuple[str, str]],
        as_of: datetime,
    ) -> None:
        """Find the rows in force, and the reasons for which some of these do not count.

        `delivered` holds the readable rows of each table as often as files hold them. Those of
        subscriptions have their effective moment. `rejected` counts the others by table and column,
        `emptied` those that lack a column because it cannot be read.
        """
        self.delivered, self.rejected, self.emptied = delivered, rejected, emptied
        self.as_of = as_of
        self.in_force: dict[str, list[Row]] = {}
        self.superseded: Counter[tuple[str, str]] = Counter()
        self.not_counted: Counter[tuple[str, str]] = Counter()
        self.unknown: Counter[tuple[str, str]] = Counter()
        for table, rows in delivered.items():
            self.in_force[table], lost = in_force(table, rows)
            self.superseded += Counter({(table, why): number for why, number in lost.items()})
        self.survivors = survivors_of(self.in_force["customers"], as_of)
        self.customers = self.one_record_each()
        self.orders = {
            row["order_id"]: row for row in self.counted("orders", self.why_order_does_not_count)
        }
        self.refunds = list(self.counted("refunds", self.why_refund_does_not_count))
        self.versions = list(self.counted("subscriptions", self.why_version_does_not_count))
        self.milestones = list(self.counted("milestones", self.why_milestone_does_not_count))
        self.known_orders = {row["order_id"] for row in self.in_force["orders"]}
        self.voice = {
            table: list(self.counted(table, self.why_voice_does_not_count))
            for table in ("feedback", "tickets", "carts")
        }
        self.contacts = list(self.counted("contacts", lambda _: None))

    def one_record_each(self) -> dict[str, Row]:
        """Return what each surviving account says, with the earliest days of all its accounts.

        Keep count of the merges, and of those that are none.
        """
        people: dict[str, Row] = {}
        rows = self.in_force["customers"]
        for row in sorted(rows, key=lambda row: row["customer_id"] in self.survivors):
            record = self.renamed(row)
            known = people.setdefault(record["customer_id"], record)
            for column in ("signed_up_at", "loyalty_joined_at"):
                moments = [moment for one in (known, record) if (moment := one.get(column))]
                known[column] = min(moments, default=None)
            if row["customer_id"] in self.survivors:
                self.not_counted["customers", "merged into another account"] += 1
            elif row.get("merged_into_customer_id"):
                is_to_come = (row["merged_at"] or row["updated_at"]) >= self.as_of
                why = "merged after as_of" if is_to_come else "merged in a circle"
                self.unknown["customers", why] += 1
        return people

    def renamed(self, row: Row) -> Row:
        """Return the row with the ids of today's accounts."""
        ids = {
            column: self.survivors.get(row[column], row[column])
            for column in ("customer_id", "referred_by_customer_id")
            if column in row
        }
        return row | ids

    def counted(self, table: str, why_not: Callable[[Row], str | None]) -> Iterator[Row]:
        """Yield the rows that count, and keep count of the others."""
        for row in self.in_force[table]:
            if reason := why_not(row):
                self.not_counted[table, reason] += 1
            else:
                yield self.renamed(row)

    def why_order_does_not_count(self, row: Row) -> str | None:
        """Return the reason, None for an order that counts."""
        if row["ordered_at"] >= self.as_of:
            return "after as_of"
        if row.get("is_deleted"):
            return "deleted"
        if row.get("is_test"):
            return "test"
        if row["status"] in ("cancelled", "void", "failed", "refunded"):
            return f"status is {row['status']}"
        if row["status"] not in KNOWN_STATUSES:
            self.unknown["orders", f"unknown status: {row['status']}"] += 1
        return None

    def why_refund_does_not_count(self, row: Row) -> str | None:
        """Return the reason, None for a refund that counts."""
        if row.get("status") == "voided":
            return "failed or cancelled"
        if not row["order_id"]:
            return None
        if row["order_id"] not in {order["order_id"] for order in self.in_force["orders"]}:
            return "order is unknown"
        return None if row["order_id"] in self.orders else "order does not count"

    def why_version_does_not_count(self, row: Row) -> str | None:
        """Return the reason, None for a version that counts."""
        return "test" if row["is_test"] else None

    def why_milestone_does_not_count(self, row: Row) -> str | None:
        """Return the reason, None for a milestone that counts."""
        return "after as_of" if row["reached_at"] >= self.as_of else None

    def why_voice_does_not_count(self, row: Row) -> str | None:
        """Return the reason, None for an answer, a ticket or a cart that counts."""
        moments = (row[key] for key in ("given_at", "opened_at", "created_at") if key in row)
        if next(moments) >= self.as_of:
            return "after as_of"
        if row.get("order_id") and row["order_id"] not in self.known_orders:
            return "order is unknown"
        return None

    def outcomes(self) -> Iterator[tuple[str, str, str, int]]:
        """Yield table, outcome, reason and number of rows.

        Every row that was read is accepted, superseded or rejected. Some accepted rows do not
        count, and some count with a status that nobody knows or with an empty column. The reason
        of a rejected or emptied row is the column at fault.
        """
        kinds = (
            ("superseded", self.superseded),
            ("rejected", self.rejected),
            ("not_counted", self.not_counted),
            ("counted", self.unknown + self.emptied),
        )
        for table in sorted(self.delivered):
            yield table, "accepted", "", len(self.in_force[table])
            for outcome, counts in kinds:
                for (owner, reason), number in sorted(counts.items()):
                    if owner == table:
                        yield table, outcome, reason, number
