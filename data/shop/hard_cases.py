"""The hard cases of data/hard_cases/, as rows of the raw tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from shop import tables
from shop.days import not_after_the_end
from shop.orders import Order
from shop.tables import Row, moment_of, money

FOLDER = Path(__file__).resolve().parents[1] / "hard_cases"
DEFAULTS = "defaults.yml"
# Its rows are delivered by the billing system, in files of their own.
BILLING = "billing.yml"
LISTS = (
    *("orders", "refunds", "subscriptions", "milestones", "record_changes"),
    *tables.VOICE,
)

# What YAML makes of an entry: dates are datetimes, amounts are numbers.
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One customer written by hand, with all rows of that customer."""

    customers: Sequence[Row]
    orders: Sequence[Order]
    refunds: Sequence[Row]
    subscriptions: Sequence[Row]
    milestones: Sequence[Row]
    voice: Mapping[str, Sequence[Row]]
    is_of_billing: bool


def hard_cases() -> list[Case]:
    """Return the cases of all files."""
    defaults = yaml.safe_load((FOLDER / DEFAULTS).read_text(encoding="utf-8"))
    return [
        read_case(entry, defaults, is_of_billing=file.name == BILLING)
        for file in sorted(FOLDER.glob("*.yml"))
        if file.name != DEFAULTS
        for entry in yaml.safe_load(file.read_text(encoding="utf-8"))
    ]


def read_case(entry: Entry, defaults: Mapping[str, Entry], *, is_of_billing: bool) -> Case:
    """Return one case, with the defaults for every column that it does not name."""
    refuse_unknown(entry, ("customer_id", "record", *defaults["case"], *LISTS))
    case = {name: [] for name in LISTS} | {"record": {}} | defaults["case"] | entry
    columns = tables.BILLING_COLUMNS if is_of_billing else tables.COLUMNS
    own = {"customer_id": case["customer_id"]}
    orders = [
        checked(read_order(defaults["order"] | own | order), columns["orders"])
        for order in case["orders"]
    ]
    subscriptions = [
        checked(version, columns["subscriptions"])
        for subscription in case["subscriptions"]
        for version in read_subscription(defaults["subscription"] | own | subscription)
    ]
    moments = [moment_of(row, "ordered_at") for row in orders]
    moments += [moment_of(row, "started_at") for row in subscriptions]
    return Case(
        read_customer(case, min(moments, default=None)),
        [Order(row, case["country"]) for row in orders],
        [checked(defaults["refund"] | row, columns["refunds"]) for row in case["refunds"]],
        subscriptions,
        [checked(own | row, tables.MILESTONES) for row in case["milestones"]],
        {
            name: [checked(read_voice(own | row), columns) for row in case[name]]
            for name, columns in tables.VOICE.items()
        },
        is_of_billing,
    )


def read_customer(case: Entry, first_seen: datetime | None) -> list[Row]:
    """Return the record of the customer, and one more for each change of the record."""
    customer_id = case["customer_id"]
    signed_up_at = case["record"].get("signed_up_at", first_seen)
    record: Row = {
        "customer_id": customer_id,
        "signed_up_at": signed_up_at,
        "email": f"{customer_id}@example.com",
        "country": case["country"],
        "acquisition_channel": case["channel"],
        "updated_at": signed_up_at,
        **checked(case["record"], tables.CUSTOMERS),
    }
    return [record, *(checked(record | new, tables.CUSTOMERS) for new in case["record_changes"])]


def read_order(order: Entry) -> Entry:
    """Return one order, last updated two days after the purchase."""
    updated_at = not_after_the_end(order["ordered_at"] + timedelta(days=2))
    return {"updated_at": updated_at, **order}


def read_voice(row: Entry) -> Entry:
    """Return an answer, a ticket or a cart, last updated at the latest of its moments."""
    moments = [value for column, value in row.items() if column.endswith("_at")]
    return {"updated_at": max(moments), **row}


def read_subscription(subscription: Entry) -> list[Entry]:
    """Return the versions of one subscription: the first state, and the state after each change."""
    state = {column: value for column, value in subscription.items() if column != "changes"}
    versions: list[Entry] = []
    for change in ({"effective_at": state["started_at"]}, *subscription.get("changes", ())):
        state |= {"updated_at": change["effective_at"], **change}
        versions.append(dict(state))
    return versions


def checked(row: Entry, columns: Sequence[str]) -> Row:
    """Return the row with its amounts as money."""
    refuse_unknown(row, columns)
    return {
        column: money(value) if column.endswith("amount") else value
        for column, value in row.items()
    }


def refuse_unknown(entry: Entry, names: Sequence[str]) -> None:
    """Raise ValueError for an unknown name, so that a misspelt one does not vanish silently."""
    if unknown := entry.keys() - set(names):
        raise ValueError(f"a hard case has unknown names {sorted(unknown)}: {dict(entry)}")
