"""What all oracles share: time, periods, money, rates and segments, each defined once.

An oracle reads the raw rows and follows the definitions to the letter: day by day, and customer by
customer. The way is slow and plain, so that it is easy to trust. The oracles of cohorts, churn and
customer value build on the class Oracle.
"""

import csv
from calendar import month_name
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from math import isclose

import yaml
from conftest import ROOT
from scipy.stats import binomtest

SEGMENTS = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]["segments"]
SEGMENT = ["segment_name", "segment_value"]


def read_seed(name):
    return list(csv.DictReader((ROOT / f"seeds/{name}.csv").read_text().splitlines()))


# --- Time -----------------------------------------------------------------------------------------

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
GRAINS = ["week", "month", "quarter", "year"]
MONTHS = [name.lower() for name in month_name[1:]]
# How many months a billing interval has.
MONTHS_OF = {
    "day": Fraction(12, 365),
    "week": Fraction(12, 52),
    "month": Fraction(1),
    "year": Fraction(12),
}


def in_utc(day, clock, zone):
    return datetime.combine(day, clock, zone).astimezone(UTC).replace(tzinfo=None)


def local_day(moment, zone):
    return moment.replace(tzinfo=UTC).astimezone(zone).date()


def days_between(first, last):
    """Every day from first to last, both included."""
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


@dataclass(frozen=True)
class Calendar:
    """Where weeks and years start, by the names of the dbt vars. Quarters start with the year."""

    week_starts_on: str = "monday"
    fiscal_year_starts_in: str = "january"

    def is_start(self, day, grain):
        if grain == "week":
            return day.strftime("%A").lower() == self.week_starts_on
        months = (day.month - MONTHS.index(self.fiscal_year_starts_in) - 1) % 12
        return day.day == 1 and months % {"month": 1, "quarter": 3, "year": 12}[grain] == 0

    @lru_cache  # noqa: B019
    def period_of(self, day, grain):
        """The first day of the period that holds the day: the latest start up to the day."""
        while not self.is_start(day, grain):
            day -= DAY
        return day

    def following(self, start, grain):
        """The first day of the next period."""
        day = start + DAY
        while not self.is_start(day, grain):
            day += DAY
        return day


USUAL = Calendar()
period_of, following = USUAL.period_of, USUAL.following


def interval_name(kind, number):
    return kind if number == 1 else f"{number} {kind}s"


# --- Numbers --------------------------------------------------------------------------------------

NOTHING = Decimal("0.00")
CENT = Decimal("0.01")
EXCHANGE_RATES = read_seed("exchange_rates")


def rate(numerator, denominator):
    return float(Fraction(numerator) / Fraction(denominator)) if denominator else None


@lru_cache
def wilson(successes, trials):
    if not trials:
        return None, None
    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def to_cents(amount):
    return (Decimal(amount.numerator) / amount.denominator).quantize(CENT, ROUND_HALF_UP)


def exchanged(amount, currency, day):
    """The exact amount in the reporting currency, at the rate of that day."""
    if currency in (None, "USD"):
        return Fraction(amount)
    rates = {
        row["valid_from"]: Fraction(row["exchange_rate"])
        for row in EXCHANGE_RATES
        if row["currency"] == currency and row["valid_from"] <= day.isoformat()
    }
    return Fraction(amount) * rates[max(rates)]


# --- Refunds --------------------------------------------------------------------------------------


NEVER_PAID = ("failed", "cancelled", "canceled", "void")


def in_force(rows, key):
    """The version of each key with the latest updated_at. A version without one is the oldest."""
    latest = {}
    for row in rows:
        other = latest.setdefault(row[key], row)
        if (row["updated_at"] or datetime.min) > (other["updated_at"] or datetime.min):
            latest[row[key]] = row
    return list(latest.values())


class Refunds:
    """What was paid back, by the raw rows and the orders that count.

    `orders` has (day, amount, currency) of each order by its id. A refund is cut at what is left of
    its order: `of_orders` has (day, amount) of each by order. `credit_notes` has those of refunds
    without an order, by customer.
    """

    def __init__(self, rows, orders, oracle):
        self.of_orders, self.credit_notes = defaultdict(list), defaultdict(list)
        raw_so_far, others_so_far = defaultdict(Decimal), defaultdict(Decimal)
        rows = in_force(rows, "refund_id")
        for row in sorted(rows, key=lambda row: (row["refunded_at"], row["refund_id"])):
            day, order_id = oracle.day(row["refunded_at"]), row["order_id"]
            if (
                row["refunded_at"] >= oracle.as_of_at
                or row["is_test"]
                or row["is_deleted"]
                or (row["status"] or "").lower() in NEVER_PAID
            ):
                continue
            if order_id is None:
                amount = to_cents(exchanged(row["amount"], row["currency"], day))
                self.credit_notes[row["customer_id"]].append((day, amount))
            elif order_id in orders and day >= orders[order_id][0]:
                order_day, order_amount, currency = orders[order_id]
                if (row["currency"] or "USD") == (currency or "USD"):
                    raw_so_far[order_id] += row["amount"]
                else:
                    amount = exchanged(row["amount"], row["currency"], order_day)
                    others_so_far[order_id] += to_cents(amount)
                # The cents of all refunds so far, up to the order, less the cents counted before.
                so_far = to_cents(exchanged(raw_so_far[order_id], currency, order_day))
                so_far = min(so_far + others_so_far[order_id], order_amount)
                before = sum(amount for _, amount in self.of_orders[order_id])
                self.of_orders[order_id].append((day, so_far - before))


# --- The oracle -----------------------------------------------------------------------------------


class Oracle:
    """What each oracle knows of time and of segments.

    An oracle adds a method for each mart: it has the name of the mart and yields its rows as dicts.
    """

    def __init__(self, zone, as_of, calendar=USUAL):
        self.zone, self.as_of, self.last_day = zone, as_of, as_of - DAY
        self.calendar = calendar
        self.as_of_at = self.midnight(as_of)
        self.segments = defaultdict(set)

    def midnight(self, day):
        return in_utc(day, time(0), self.zone)

    def day(self, moment):
        return local_day(moment, self.zone)

    def periods_from(self, start, grain):
        """(start, end, state date, is complete) of every period up to the running one."""
        while start <= self.last_day:
            end = self.calendar.following(start, grain)
            yield start, end, min(end, self.as_of), end <= self.as_of
            start = end

    def add_to_segments(self, customer, attributes):
        """Each customer counts in 'all', and in one value of each segment."""
        self.segments["all", "all"].add(customer)
        for name in SEGMENTS:
            assert attributes[name] is not None
            self.segments[name, attributes[name]].add(customer)


# --- The comparison -------------------------------------------------------------------------------


def is_same(expected, found):
    if isinstance(expected, float) and isinstance(found, float):
        return isclose(expected, found, rel_tol=1e-9, abs_tol=1e-9)
    return type(expected) is type(found) and expected == found


def check_marts(oracle, found, keys, is_same=is_same):
    """Each cell of each mart is what the oracle says; `keys` holds the marts and their keys."""
    wrong = [
        f"{mart}: {difference}"
        for mart, key in keys.items()
        for difference in differences(
            getattr(oracle, mart.split(".")[1])(), found[mart], key, is_same
        )
    ]
    assert not wrong, f"{len(wrong)} differences\n" + "\n".join(wrong[:40])


def differences(expected_rows, found_rows, key, is_same):
    """What is not as the oracle says, as (key, column, expected, found)."""
    expected = {tuple(row[column] for column in key): row for row in expected_rows}
    found = {tuple(row[column] for column in key): row for row in found_rows}
    assert len(found) == len(found_rows)
    yield from ((row, "is missing") for row in expected.keys() - found.keys())
    yield from ((row, "is too much") for row in found.keys() - expected.keys())
    for row in expected.keys() & found.keys():
        for column in expected[row].keys() | found[row].keys():
            pair = expected[row].get(column, "no such"), found[row].get(column, "no such")
            if not is_same(*pair):
                yield row, column, *pair
