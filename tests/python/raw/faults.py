"""The fault catalogue: each thing that can be wrong with a raw file, and what becomes of it.

docs/faults.md is the same catalogue as a table. After a change here, write the page again with
`python tests/python/raw/faults.py`. The tests of the catalogue are in test_faults.py.

A fault of a record is one bad record, or a few, between two good records of a file of its own. A
fault of a file is something done to a whole good file of three records. All of these files lie in
one landing zone, and one build reads them. The files that make a build fail lie in landing zones of
their own.
"""

import csv
import gzip
import io
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import duckdb

from orchestration.paths import ROOT

PAGE = ROOT / "docs" / "faults.md"

# A good record of each table. {id} is the id of the fault, or of its good neighbour. A refund
# belongs to an order that has the id of the {fault}.
GOOD = {
    "orders": {
        "order_id": "{id}",
        "customer_id": "{id}",
        "ordered_at": "2025-03-10T12:00:00Z",
        "amount": "20.00",
        "currency": "USD",
        "status": "paid",
        "is_test": "false",
        "channel": "web",
        "discount_amount": "",
        "tax_amount": "",
        "shipping_amount": "",
        "exchange_rate": "",
        "is_deleted": "false",
        "updated_at": "2025-03-10T12:00:00Z",
    },
    "refunds": {
        "refund_id": "{id}",
        "order_id": "{fault}",
        "refunded_at": "2025-03-20T12:00:00Z",
        "amount": "5.00",
        "currency": "USD",
        "status": "succeeded",
        "is_deleted": "",
    },
    "customers": {
        "customer_id": "{id}",
        "signed_up_at": "2025-03-01",
        "country": "DE",
        "merged_into_customer_id": "",
        "updated_at": "2025-03-01T12:00:00Z",
        "referred_by_customer_id": "",
    },
    "subscriptions": {
        "subscription_id": "{id}",
        "customer_id": "{id}",
        "started_at": "2025-01-15",
        "amount": "30.00",
        "billing_interval": "month",
        "interval_count": "1",
        "quantity": "1",
        "currency": "USD",
        "status": "active",
        "trial_ends_at": "",
        "ended_at": "",
        "effective_at": "",
        "updated_at": "2025-01-15",
        "item_id": "",
        "discount_amount": "",
        "current_period_ends_at": "",
    },
    "marketing_spend": {
        "spend_date": "2025-03-10",
        "channel": "{id}",
        "amount": "100.00",
        "currency": "USD",
    },
    # Of a customer whom a file of customers brings.
    "milestones": {
        "customer_id": "a-customer-without-an-id-before",
        "milestone": "{id}",
        "reached_at": "2025-03-10T12:00:00Z",
        "is_deleted": "",
    },
    # All of these are of a customer who has a good order.
    "feedback": {
        "feedback_id": "{id}",
        "customer_id": "a-test-order-before",
        "given_at": "2025-03-10T12:00:00Z",
        "kind": "nps",
        "score": "9",
        "resolved_at": "",
    },
    "tickets": {
        "ticket_id": "{id}",
        "customer_id": "a-test-order-before",
        "opened_at": "2025-03-10T12:00:00Z",
        "first_response_at": "2025-03-10T13:00:00Z",
        "resolved_at": "2025-03-11T12:00:00Z",
        "channel": "email",
        "transfers": "1",
    },
    "carts": {
        "cart_id": "{id}",
        "customer_id": "a-test-order-before",
        "created_at": "2025-03-10T12:00:00Z",
        "amount": "20.00",
        "currency": "USD",
        "order_id": "",
    },
    "contacts": {
        "contact_id": "{id}",
        "customer_id": "a-test-order-before",
        "play_id": "win_back",
        "step": "1",
        "sent_at": "2025-03-10T12:00:00Z",
        "cost": "0.50",
        "currency": "USD",
    },
}


class Fault(NamedTuple):
    """One line of the catalogue.

    `bad` holds the values that replace good ones, or a list of them for several records. It may
    also be a line as it stands in the file, or a function of the text of a good file.
    `becomes` is the outcome of the bad record, or an outcome for each. For a fault of a file it is
    the outcome of all its records. `mart` is what the mart then shows of the record.
    """

    name: str
    table: str
    bad: dict | list[dict] | str | Callable[[str], str | bytes]
    becomes: str | tuple[str, ...]
    mart: Mapping[str, str | None] = MappingProxyType({})
    suffix: str = ".csv"

    @property
    def id(self) -> str:
        return re.sub(r"\W+", "-", self.name.lower()).strip("-")

    @property
    def file(self) -> str:
        return f"{self.table}/{self.id}{self.suffix}"

    def records(self) -> list[tuple[dict | str, str]]:
        """The records of the file, good neighbours too, each with what becomes of it."""
        before, after = self.row({}, "-before"), self.row({}, "-after")
        if callable(self.bad):
            all_three = self.becomes if isinstance(self.becomes, tuple) else (self.becomes,) * 3
            return list(zip((before, self.row({}), after), all_three, strict=True))
        bad = self.bad if isinstance(self.bad, list) else [self.bad]
        becomes = self.becomes if isinstance(self.becomes, tuple) else (self.becomes,)
        rows = [self.row(one) if isinstance(one, dict) else one for one in bad]
        middle = list(zip(rows, becomes, strict=True))
        return [(before, "accepted"), *middle, (after, "accepted")]

    def row(self, bad: dict, place: str = "") -> dict:
        good = {
            name: value.format(fault=self.id, id=self.id + place)
            for name, value in GOOD[self.table].items()
        }
        assert bad.keys() <= good.keys(), self.name
        return good | bad

    def content(self) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(GOOD[self.table])
        for row, _ in self.records():
            if isinstance(row, str):
                text.write(row + "\n")
            else:
                writer.writerow(row.values())
        content = self.bad(text.getvalue()) if callable(self.bad) else text.getvalue()
        return content if isinstance(content, bytes) else content.encode()


def reordered(text: str) -> str:
    lines = [line.split(",")[::-1] for line in text.splitlines()]
    return "".join(",".join(fields) + "\n" for fields in lines)


def only_required(text: str) -> str:
    lines = [line.split(",")[:4] for line in text.splitlines()]
    return "".join(",".join(fields) + "\n" for fields in lines)


def with_column(name: str, value: str) -> Callable[[str], str]:
    return lambda text: re.sub("\n", f",{value}\n", text).replace(f",{value}", f",{name}", 1)


def parquet(change: str) -> Callable[[str], bytes]:
    """A function that turns a good file into Parquet, with its columns changed by this SQL."""

    def write(text: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
            source, target = Path(folder, "good.csv"), Path(folder, "bad.parquet")
            source.write_text(text)
            connection.execute(
                f"copy (select * replace ({change}) from read_csv('{source}', all_varchar = true))"
                f" to '{target}'"
            )
            return target.read_bytes()

    return write


A_TIME = "a time such as 2025-01-31T09:30:00Z or a date such as 2025-01-31"
NOT_A_TIMESTAMP = f"rejected: ordered_at is not {A_TIME}"
NOT_A_DECIMAL = (
    "rejected: amount is not a decimal such as 12.50, with at most 14 digits before the point"
)
NOT_AN_IDENTIFIER = (
    "rejected: order_id is not an id of at most 255 signs, no control signs, no word for nothing,"
    " no 1.2E+17"
)
UNKNOWN_STATUS = (
    "is unknown; known are active, trialing, past_due, unpaid, incomplete, paused, canceled,"
    " expired and the words of seeds/subscription_statuses.csv"
)
NO_RATE = "rejected: currency has no exchange rate on that day"
REPETITION = "superseded: the same record again"
LATER_VERSION = "superseded: a later version of the same key"
CONFLICT = "superseded: conflict: nothing tells which content is newer"
UNDATED = "superseded: no updated_at, beside a version that has one"

BAD_RECORDS = [
    # dates and times
    Fault("a word for a date: yesterday", "orders", {"ordered_at": "yesterday"}, NOT_A_TIMESTAMP),
    Fault("a US date: 01/02/2025", "orders", {"ordered_at": "01/02/2025"}, NOT_A_TIMESTAMP),
    Fault("slashes: 2025/03/10", "orders", {"ordered_at": "2025/03/10"}, NOT_A_TIMESTAMP),
    Fault(
        "an impossible date: 2025-02-30", "orders", {"ordered_at": "2025-02-30"}, NOT_A_TIMESTAMP
    ),
    Fault("the year 0001", "orders", {"ordered_at": "0001-01-01T00:00:00Z"}, NOT_A_TIMESTAMP),
    Fault("the date infinity", "orders", {"ordered_at": "infinity"}, NOT_A_TIMESTAMP),
    Fault("the date epoch", "orders", {"ordered_at": "epoch"}, NOT_A_TIMESTAMP),
    Fault("seconds since 1970", "orders", {"ordered_at": "1741608000"}, NOT_A_TIMESTAMP),
    Fault(
        "an offset: 02:00 in India on 11 March",
        "orders",
        {"ordered_at": "2025-03-11T02:00:00+05:30"},
        "accepted",
        {"ordered_at": "2025-03-10 20:30:00", "order_date": "2025-03-10"},
    ),
    Fault(
        "an offset after a space: 05:21:23 -0300",
        "orders",
        {"ordered_at": "2025-03-10 05:21:23 -0300"},
        "accepted",
        {"ordered_at": "2025-03-10 08:21:23"},
    ),
    Fault(
        "the word UTC after a time",
        "orders",
        {"ordered_at": "2025-03-10 05:21:23 UTC"},
        "accepted",
        {"ordered_at": "2025-03-10 05:21:23"},
    ),
    Fault(
        "a z in lower case",
        "orders",
        {"ordered_at": "2025-03-10T05:21z"},
        "accepted",
        {"ordered_at": "2025-03-10 05:21:00"},
    ),
    Fault(
        "another time zone by name: 05:21:23 CET",
        "orders",
        {"ordered_at": "2025-03-10 05:21:23 CET"},
        NOT_A_TIMESTAMP,
    ),
    Fault(
        "an offset of 25 hours",
        "orders",
        {"ordered_at": "2025-03-10T12:00:00+25:00"},
        NOT_A_TIMESTAMP,
    ),
    Fault(
        "a date without a time",
        "orders",
        {"ordered_at": "2025-03-11"},
        "accepted",
        {"ordered_at": "2025-03-11 00:00:00"},
    ),
    Fault(
        "an order of the year 2999",
        "orders",
        {"ordered_at": "2999-12-31T00:00:00Z"},
        "not counted: after as_of",
    ),
    Fault(
        "a day of spend with a time",
        "marketing_spend",
        {"spend_date": "2025-03-10T00:00:00Z"},
        "rejected: spend_date is not a date such as 2025-01-31",
    ),
    # amounts
    Fault("the amount 1e3", "orders", {"amount": "1e3"}, NOT_A_DECIMAL),
    Fault("the amount 1_000", "orders", {"amount": "1_000"}, NOT_A_DECIMAL),
    Fault("a thousands separator: 1,000.00", "orders", {"amount": "1,000.00"}, NOT_A_DECIMAL),
    Fault("a decimal comma: 10,50", "orders", {"amount": "10,50"}, NOT_A_DECIMAL),
    Fault("a currency sign: $10.00", "orders", {"amount": "$10.00"}, NOT_A_DECIMAL),
    Fault("the amount NaN", "orders", {"amount": "NaN"}, NOT_A_DECIMAL),
    Fault(
        "more than four decimals: 10.00001",
        "orders",
        {"amount": "10.00001"},
        "accepted, and remarked: amount is rounded to four decimals",
        {"original_amount": "10.0000", "amount": "10.00"},
    ),
    Fault(
        "what a program adds to a number: 10.10000000000001",
        "orders",
        {"amount": "10.10000000000001"},
        "accepted",
        {"original_amount": "10.1000", "amount": "10.10"},
    ),
    Fault("an amount of 16 digits", "orders", {"amount": "1234567890123456"}, NOT_A_DECIMAL),
    Fault("no amount", "orders", {"amount": ""}, "rejected: amount is missing"),
    Fault("a negative order", "orders", {"amount": "-20.00"}, "not counted: negative amount"),
    Fault(
        "a negative discount",
        "orders",
        {"discount_amount": "-1.00"},
        "rejected: discount_amount is negative",
    ),
    Fault(
        "a tax that cannot be read: 19 %",
        "orders",
        {"tax_amount": "19 %"},
        "accepted, and remarked: tax_amount cannot be read and is left empty",
        {"amount": "20.00", "tax_amount": None},
    ),
    Fault(
        "discount, tax and shipping in euros",
        "orders",
        {
            "currency": "EUR",
            "exchange_rate": "1.2",
            "discount_amount": "1.00",
            "tax_amount": "3.80",
            "shipping_amount": "4.90",
        },
        "accepted",
        {"discount_amount": "1.20", "tax_amount": "4.56", "shipping_amount": "5.88"},
    ),
    # currencies
    Fault("an unknown currency", "orders", {"currency": "XXX"}, NO_RATE),
    Fault(
        "a currency without a rate on that day: EUR in 2019",
        "orders",
        {"currency": "EUR", "ordered_at": "2019-03-10T12:00:00Z"},
        NO_RATE,
    ),
    Fault(
        "a currency in lower case",
        "orders",
        {"currency": "eur"},
        "accepted",
        {"original_currency": "EUR", "original_amount": "20.0000"},
    ),
    Fault(
        "the rate of the settlement: 10.00 at 1.2",
        "orders",
        {"currency": "EUR", "amount": "10.00", "exchange_rate": "1.2"},
        "accepted",
        {"amount": "12.00", "exchange_rate": "1.20000000"},
    ),
    Fault(
        "a settled rate of 0",
        "orders",
        {"currency": "EUR", "exchange_rate": "0"},
        "rejected: exchange_rate is 0",
    ),
    Fault(
        "a settled rate of the reporting currency",
        "orders",
        {"exchange_rate": "1.2"},
        "rejected: exchange_rate is not 1, and the currency is the reporting currency",
    ),
    # keys
    Fault("an empty key", "orders", {"order_id": ""}, "rejected: order_id is missing"),
    Fault("a key of spaces", "orders", {"order_id": "   "}, "rejected: order_id is missing"),
    Fault(
        "white space around a key",
        "orders",
        {"order_id": " trimmed-order\t", "customer_id": "\u00a0trimmed-customer "},
        "accepted",
        {"customer_id": "trimmed-customer"},
    ),
    Fault("a guest order", "orders", {"customer_id": ""}, "accepted", {"customer_id": None}),
    Fault(
        "a customer without an id",
        "customers",
        {"customer_id": ""},
        "rejected: customer_id is missing",
    ),
    Fault(
        "an account that is merged into itself",
        "customers",
        {"customer_id": "itself", "merged_into_customer_id": "itself"},
        "accepted, and remarked: merged into itself: the account stays as it was",
    ),
    Fault(
        "two accounts that are merged into each other",
        "customers",
        [
            {"customer_id": "circle-1", "merged_into_customer_id": "circle-2"},
            {"customer_id": "circle-2", "merged_into_customer_id": "circle-1"},
        ],
        ("accepted, and remarked: merged in a circle: the account stays as it was",) * 2,
    ),
    Fault(
        "an id like a path",
        "orders",
        {"order_id": "../../etc/passwd"},
        "accepted",
        {"amount": "20.00"},
    ),
    Fault("an id like a formula", "orders", {"order_id": "=1+1"}, "accepted", {"amount": "20.00"}),
    Fault(
        "an id like SQL",
        "orders",
        {"order_id": "'; drop table x; --"},
        "accepted",
        {"amount": "20.00"},
    ),
    Fault("an emoji as an id", "orders", {"order_id": "🛒"}, "accepted", {"amount": "20.00"}),
    Fault("an id of 4 kB", "orders", {"order_id": "x" * 4096}, NOT_AN_IDENTIFIER),
    Fault("a word for nothing as an id", "orders", {"order_id": "N/A"}, NOT_AN_IDENTIFIER),
    Fault("a spreadsheet's number as an id", "orders", {"order_id": "1.23E+15"}, NOT_AN_IDENTIFIER),
    Fault(
        "an id that a program took for a number: 7.0",
        "orders",
        {"customer_id": "7.0"},
        "accepted, and remarked: customer_id was written as a number with .0",
        {"customer_id": "7"},
    ),
    Fault("a line feed in an id", "orders", {"order_id": "line\nfeed"}, NOT_AN_IDENTIFIER),
    Fault("a NUL byte in an id", "orders", {"order_id": "nul\0byte"}, NOT_AN_IDENTIFIER),
    # versions
    Fault(
        "two contents with the same updated_at",
        "orders",
        [{"amount": "10.00"}, {"amount": "11.00"}],
        ("accepted", CONFLICT),
    ),
    Fault(
        "two contents without any date",
        "marketing_spend",
        [{"amount": "10.00"}, {"amount": "11.00"}],
        ("accepted", CONFLICT),
    ),
    Fault("the same record twice in one file", "orders", [{}, {}], ("accepted", REPETITION)),
    Fault(
        "a version without updated_at beside one with it",
        "orders",
        [{"amount": "10.00"}, {"amount": "11.00", "updated_at": ""}],
        ("accepted", UNDATED),
        {"amount": "10.00"},
    ),
    Fault(
        "a latest version that is deleted",
        "orders",
        [{}, {"is_deleted": "true", "updated_at": "2025-03-12"}],
        (LATER_VERSION, "not counted: deleted"),
    ),
    Fault(
        "a deleted version that is not the latest",
        "orders",
        [{"updated_at": "2025-03-12"}, {"is_deleted": "true"}],
        ("accepted", LATER_VERSION),
        {"amount": "20.00"},
    ),
    Fault(
        "an older version that comes later",
        "orders",
        [
            {"amount": "12.00", "updated_at": "2025-03-12"},
            {"amount": "11.00", "updated_at": "2025-03-11"},
        ],
        ("accepted", LATER_VERSION),
        {"amount": "12.00"},
    ),
    Fault(
        "a newest version that is rejected",
        "orders",
        [{"amount": "11.00"}, {"amount": "twelve", "updated_at": "2025-03-12"}],
        ("accepted", NOT_A_DECIMAL),
        {"amount": "11.00"},
    ),
    # orders that do not count
    Fault("a test order", "orders", {"is_test": "true"}, "not counted: test"),
    Fault("t for true, by Postgres", "orders", {"is_test": "t"}, "not counted: test"),
    Fault(
        "a cancelled order",
        "orders",
        {"status": "Cancelled"},
        "not counted: status is cancelled",
    ),
    Fault("a draft", "orders", {"status": "checkout-draft"}, "not counted: status is draft"),
    Fault(
        "a status that nobody knows", "orders", {"status": "Lost in Post"}, "accepted, and named"
    ),
    Fault(
        "yes for true", "orders", {"is_test": "yes"}, "rejected: is_test is not true, false, 1 or 0"
    ),
    # refunds
    Fault("a negative refund", "refunds", {"amount": "-5.00"}, "rejected: amount is negative"),
    Fault(
        "a refund above its order",
        "refunds",
        # The good refunds left 10 of 20.
        {"amount": "500.00", "refunded_at": "2025-03-21T12:00:00Z"},
        "not counted: the part beyond what was left of its order",
    ),
    Fault(
        "a refund that failed", "refunds", {"status": "Failed"}, "not counted: failed or cancelled"
    ),
    Fault("a refund that was deleted", "refunds", {"is_deleted": "true"}, "not counted: deleted"),
    Fault(
        "a refund without an order and a customer",
        "refunds",
        {"order_id": ""},
        "not counted: neither order nor customer",
    ),
    Fault(
        "a refund of an order that nobody knows",
        "refunds",
        {"order_id": "no-such-order"},
        "not counted: order is unknown",
    ),
    Fault(
        "a refund from before its order",
        "refunds",
        {"refunded_at": "2025-03-01T12:00:00Z"},
        "not counted: before its order",
    ),
    Fault(
        "a refund of a cancelled order",
        "refunds",
        {"order_id": "a-cancelled-order"},
        "not counted: order does not count",
    ),
    # subscriptions
    Fault(
        "an end before the start",
        "subscriptions",
        {"ended_at": "2025-01-01"},
        "rejected: ended_at is before started_at",
    ),
    Fault(
        "an unknown interval",
        "subscriptions",
        {"billing_interval": "fortnight"},
        "rejected: billing_interval is not day, week, month or year",
    ),
    Fault(
        "every 0 months",
        "subscriptions",
        {"interval_count": "0"},
        "rejected: interval_count is below 1",
    ),
    Fault(
        "every 1.5 months",
        "subscriptions",
        {"interval_count": "1.5"},
        "rejected: interval_count is not a whole number such as 3",
    ),
    Fault(
        "every 2.0 months",
        "subscriptions",
        {"interval_count": "2.0"},
        "accepted",
        {"start_mrr": "15.00"},
    ),
    Fault(
        "a quantity of 0",
        "subscriptions",
        {"quantity": "0"},
        "not counted: has never paid: amount less discount is 0.00 a month",
    ),
    Fault(
        "an end at the start",
        "subscriptions",
        {"ended_at": "2025-01-15"},
        "not counted: has never paid: ended before or when it began",
    ),
    Fault(
        "an end without a time on the day of the start",
        "subscriptions",
        {"started_at": "2025-01-15T10:00:00Z", "ended_at": "2025-01-15"},
        "not counted: has never paid: ended before or when it began",
    ),
    Fault(
        "a first payment that failed",
        "subscriptions",
        {"status": "incomplete_expired"},
        "not counted: has never paid: status was incomplete",
    ),
    Fault(
        "an end in the year 9999",
        "subscriptions",
        {"ended_at": "9999-12-31"},
        "accepted",
        {"ended_on": None, "start_mrr": "30.00"},
    ),
    Fault(
        "a status of another system: non_renewing",
        "subscriptions",
        {"status": "non_renewing", "current_period_ends_at": "2025-03-15"},
        "accepted",
        {"ended_on": "2025-03-15", "start_mrr": "30.00"},
    ),
    Fault(
        "two items of one subscription",
        "subscriptions",
        [{"item_id": "a"}, {"item_id": "b", "amount": "12.00"}],
        ("accepted", "accepted"),
        {"started_on": "2025-01-15", "start_mrr": "42.00"},
    ),
    Fault(
        "a negative discount of a subscription",
        "subscriptions",
        {"discount_amount": "-1"},
        "rejected: discount_amount is negative",
    ),
    Fault(
        "a negative quantity",
        "subscriptions",
        {"quantity": "-1"},
        "rejected: quantity is negative",
    ),
    Fault("a negative price", "subscriptions", {"amount": "-1"}, "rejected: amount is negative"),
    Fault(
        "an unknown status",
        "subscriptions",
        {"status": "asleep"},
        f'rejected: status "asleep" {UNKNOWN_STATUS}',
    ),
    Fault(
        "a status that does not look like one",
        "subscriptions",
        {"status": "call me: +1 (555)"},
        f"rejected: status {UNKNOWN_STATUS}",
    ),
    Fault(
        "a trial that ends before the start",
        "subscriptions",
        {"trial_ends_at": "2025-01-01"},
        "accepted",
        {"started_on": "2025-01-15", "start_mrr": "30.00"},
    ),
    Fault(
        "a version from before the start",
        "subscriptions",
        {"effective_at": "2025-01-01"},
        "accepted",
        {"started_on": "2025-01-15", "start_mrr": "30.00"},
    ),
    Fault(
        "two customers for one subscription",
        "subscriptions",
        [{"customer_id": "former-customer"}, {"updated_at": "2025-02-15"}],
        ("not counted: another customer in a later version", "accepted"),
        {"started_on": "2025-01-15", "start_mrr": "30.00"},
    ),
    # milestones and referrals
    Fault(
        "a milestone at a time that is none",
        "milestones",
        {"reached_at": "yesterday"},
        f"rejected: reached_at is not {A_TIME}",
    ),
    Fault(
        "a milestone without a name",
        "milestones",
        {"milestone": ""},
        "rejected: milestone is missing",
    ),
    Fault(
        "a milestone of a customer whom no other file has",
        "milestones",
        {"customer_id": "nobody-else"},
        "not counted: unknown customer",
    ),
    Fault(
        "a milestone of the year 2999",
        "milestones",
        {"reached_at": "2999-12-31"},
        "not counted: after as_of",
    ),
    Fault("a deleted milestone", "milestones", {"is_deleted": "true"}, "not counted: deleted"),
    Fault("a milestone twice", "milestones", [{}, {}], ("accepted", REPETITION)),
    Fault(
        "a customer who referred themselves",
        "customers",
        {"customer_id": "themselves", "referred_by_customer_id": "themselves"},
        "accepted, and remarked: its referral is not counted: self-referral",
    ),
    Fault(
        "two customers who referred each other",
        "customers",
        [
            {"customer_id": "one-of-two", "referred_by_customer_id": "other-of-two"},
            {"customer_id": "other-of-two", "referred_by_customer_id": "one-of-two"},
        ],
        ("accepted, and remarked: its referral is not counted: circle of referrals",) * 2,
    ),
    # answers, complaints, tickets, carts and contacts
    Fault(
        "a score of 11",
        "feedback",
        {"score": "11"},
        "rejected: score is not a whole number from 0 to 10",
    ),
    Fault(
        "a score in words",
        "feedback",
        {"score": "nine"},
        "rejected: score is not a whole number from 0 to 10",
    ),
    Fault("a survey without a score", "feedback", {"score": ""}, "rejected: score is missing"),
    Fault(
        "a complaint with a score in words",
        "feedback",
        {"kind": "complaint", "score": "bad"},
        "accepted, and remarked: score cannot be read and is left empty",
    ),
    Fault(
        "an unknown kind of answer",
        "feedback",
        {"kind": "praise"},
        "rejected: kind is not nps, csat or complaint",
    ),
    Fault(
        "a complaint that was resolved before it was made",
        "feedback",
        {"kind": "complaint", "resolved_at": "2025-03-09"},
        "rejected: resolved_at is before given_at",
    ),
    Fault(
        "an answer of a customer whom nobody knows",
        "feedback",
        {"customer_id": "nobody-knows-me"},
        "accepted, and named: unknown customer, in no segment",
    ),
    Fault(
        "a ticket that was answered before it was opened",
        "tickets",
        {"first_response_at": "2025-03-10T10:00:00Z"},
        "rejected: first_response_at is before opened_at",
    ),
    Fault(
        "a ticket whose two clocks differ by seconds",
        "tickets",
        {"first_response_at": "2025-03-10T11:59:57Z"},
        "accepted, and remarked: a time is a little before opened_at, and taken as opened_at",
    ),
    Fault(
        "a negative number of transfers",
        "tickets",
        {"transfers": "-1"},
        "rejected: transfers is negative",
    ),
    Fault(
        "a cart of an order that nobody knows",
        "carts",
        {"order_id": "no-such-order"},
        "not counted: order is unknown",
    ),
    Fault("a negative cart", "carts", {"amount": "-1"}, "rejected: amount is negative"),
    Fault("a negative cost of a contact", "contacts", {"cost": "-1"}, "rejected: cost is negative"),
    # lines
    Fault("a line with too few fields", "orders", "o1,c1", "rejected: line has too few fields"),
    Fault(
        "a line with too many fields",
        "customers",
        "c1,2025-03-01,DE,,2025-03-01,,one,two",
        "rejected: line has too many fields",
    ),
    Fault(
        "a line of totals",
        "orders",
        {"order_id": "TOTAL", "customer_id": "", "ordered_at": "", "amount": "40.00"},
        "rejected: ordered_at is missing",
    ),
    Fault(
        "the heading once more",
        "customers",
        {name: name for name in GOOD["customers"]},
        f"rejected: signed_up_at is not {A_TIME}; updated_at is not {A_TIME}",
    ),
    Fault("a blank line", "orders", "", "no record"),
    Fault(
        "a comma and quotes in a text",
        "orders",
        {"channel": 'the "web", they say'},
        "accepted",
        {"channel": 'the "web", they say'},
    ),
]

BAD_FILES = [
    Fault("a byte order mark", "orders", lambda text: "\ufeff" + text, "accepted"),
    Fault("CRLF line ends", "orders", lambda text: text.replace("\n", "\r\n"), "accepted"),
    Fault("no line end at the end", "orders", lambda text: text.rstrip(), "accepted"),
    Fault("gzip", "orders", lambda text: gzip.compress(text.encode()), "accepted", {}, ".csv.gz"),
    Fault("columns in another order", "orders", reordered, "accepted"),
    Fault("no optional column", "orders", only_required, "accepted", {"channel": None}),
    Fault(
        "a column that nobody knows",
        "orders",
        with_column("gift_wrap", "gold"),
        "accepted, without that column",
    ),
    Fault(
        "a heading in capitals",
        "orders",
        lambda text: re.sub(".*", lambda m: m[0].upper(), text, count=1),
        "accepted",
    ),
    Fault(
        "empty fields at the end of lines",
        "orders",
        lambda text: re.sub("(?<!updated_at)\n", ",,\n", text),
        "accepted",
    ),
    Fault(
        "nothing but the heading", "orders", lambda text: text[: text.index("\n") + 1], "no record"
    ),
    Fault(
        "a last line that is cut off",
        "orders",
        lambda text: text[: text.rindex(",web")],
        ("accepted", "accepted", "rejected: line has too few fields"),
    ),
    Fault(
        "Parquet with types of its own",
        "orders",
        parquet(
            "ordered_at::timestamptz as ordered_at, amount::decimal(9, 2) as amount,"
            " is_test::boolean as is_test, updated_at::timestamp as updated_at"
        ),
        "accepted",
        {"ordered_at": "2025-03-10 12:00:00", "amount": "20.00"},
        ".parquet",
    ),
    Fault(
        "Parquet with more decimals than other files",
        "orders",
        parquet("amount::decimal(18, 4) + 0.1275 as amount"),
        "accepted",
        {"original_amount": "20.1275", "amount": "20.13"},
        ".parquet",
    ),
    Fault(
        "Parquet with a word for an amount",
        "orders",
        parquet("if(order_id like '%-after', 'abc', amount) as amount"),
        ("accepted", "accepted", NOT_A_DECIMAL),
        {},
        ".parquet",
    ),
    Fault(
        "Parquet with a whole number for a time",
        "orders",
        parquet("epoch_ms(ordered_at::timestamp) as ordered_at"),
        NOT_A_TIMESTAMP,
        {},
        ".parquet",
    ),
    Fault(
        "Parquet with NaN and infinity for amounts",
        "orders",
        parquet(
            "case when order_id like '%-before' then 'nan' when order_id like '%-after'"
            " then 'inf' else amount end::double as amount"
        ),
        (NOT_A_DECIMAL, "accepted", NOT_A_DECIMAL),
        {"amount": "20.00"},
        ".parquet",
    ),
    # The name of the other file sorts first. That decides between two records of the same content.
    Fault("the same file once more", "orders", lambda text: BAD_FILES[0].content(), REPETITION),
]

# `becomes` is what dbt says of the file.
FAILING_FILES = [
    Fault("an empty file", "orders", lambda text: "", "the file is empty, without even a heading"),
    Fault(
        "two columns of one name",
        "orders",
        lambda text: text.replace("channel", "amount", 1),
        "the heading names the column amount twice",
    ),
    Fault(
        "a column without a name",
        "orders",
        lambda text: text.replace("channel", "", 1),
        "column 8 has no name in the heading",
    ),
    Fault(
        "Latin-1 instead of UTF-8",
        "orders",
        lambda text: text.replace("-after", "-après").encode("latin-1"),
        "line 4: not UTF-8",
    ),
    Fault(
        "UTF-16 instead of UTF-8",
        "orders",
        lambda text: text.encode("utf-16"),
        "line 1: not UTF-8",
    ),
    Fault(
        "line ends of two kinds",
        "orders",
        lambda text: text.replace("\n", "\r\n", 2),
        "line 3: another kind of line end than LF or CRLF throughout",
    ),
    Fault(
        "a quote that is not closed",
        "orders",
        lambda text: text.replace(",web", ',"web', 1),
        "line 2: a quote is not closed or not doubled",
    ),
    Fault(
        "a spreadsheet",
        "orders",
        lambda text: text,
        "save the sheet as CSV UTF-8",
        {},
        ".xlsx",
    ),
    Fault(
        "a .gz that is not gzip", "orders", lambda text: text, "Not a gzipped file", {}, ".csv.gz"
    ),
    Fault(
        "a gzip that is cut off",
        "orders",
        lambda text: gzip.compress(text.encode())[:-12],
        "Compressed file ended before the end-of-stream marker was reached",
        {},
        ".csv.gz",
    ),
    Fault(
        "a .parquet that is not Parquet",
        "orders",
        lambda text: text,
        "No magic bytes found",
        {},
        ".parquet",
    ),
]
# dbt finds this fault later, where it reads records. All other files must be readable then.
FILE_WITHOUT_A_COLUMN = Fault(
    "no column that is required",
    "orders",
    lambda text: text.replace("amount", "total", 1),
    "required column amount is missing",
)
CATALOGUE = BAD_RECORDS + BAD_FILES
REFUNDED_ORDERS = [
    Fault(fault.name, "orders", {}, "accepted") for fault in BAD_RECORDS if fault.table == "refunds"
]
LANDING_ZONE = CATALOGUE + REFUNDED_ORDERS


def page() -> str:
    """docs/faults.md."""
    faults = len(CATALOGUE) + len(FAILING_FILES) + 1
    lines = [
        "# What becomes of bad input",
        "",
        f"`tests/python/raw/test_faults.py` puts each of these {faults} faults into raw files and"
        " checks what the build makes of it:",
        "the reason that is reported, the place, and that nothing else of it reaches a mart. Good"
        " records of the same file count.",
        "After a change of the catalogue, `.venv/bin/python tests/python/raw/faults.py` writes this"
        " page again.",
        "",
        "| fault | in | what becomes of it |",
        "|---|---|---|",
        *map(page_line, CATALOGUE),
    ]
    for fault in [*FAILING_FILES, FILE_WITHOUT_A_COLUMN]:
        lines.append(page_line(fault._replace(becomes=f"the build fails: {fault.becomes}")))
    return "\n".join(lines) + "\n"


def page_line(fault: Fault) -> str:
    becomes = [fault.becomes]
    if isinstance(fault.becomes, tuple):
        becomes = [f"{number} {one}" for one, number in Counter(fault.becomes).items()]
    shown = [f"`{column}` is {value or 'NULL'}" for column, value in fault.mart.items()]
    cells = [fault.name, fault.table, "; ".join(becomes + shown)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page())
