"""Cohorts and retention, counted a second time in plain Python and compared cell by cell.

`Oracle` reads the raw rows and follows the definitions to the letter, day by day and customer by
customer, the slow way that leaves nothing to be clever about. Every column of every grain and
segment of four marts must be what it says. `make test` tries a few shops in each of three
timezones, with the torture profile hundreds.
"""

import csv
import json
import random
import shutil
import statistics
from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, zip_longest
from math import ceil, isclose
from operator import itemgetter
from zoneinfo import ZoneInfo

import duckdb
import pytest
import yaml
from conftest import ROOT
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest
from test_order_never_matters import Project, plainly, write

SEGMENTS = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]["segments"]
SEGMENT = ["segment_name", "segment_value"]
KEYS = {
    "cohorts.rpt_order_cohorts": [*SEGMENT, "period_grain", "cohort_start", "periods_since"],
    "cohorts.rpt_subscription_cohorts": [*SEGMENT, "period_grain", "cohort_start", "periods_since"],
    "cohorts.rpt_repeat_purchase": [*SEGMENT, "period_grain", "cohort_start"],
    "churn.rpt_retention_rates": [*SEGMENT, "basis", "period_grain", "period_start"],
}

# --- A shop: raw rows, by table -------------------------------------------------------------------

FIRST_DAY = date(2023, 11, 20)
# Leap day, ends of week, quarter and year, a week of two years, both changes of New York's clocks,
# and a week before something happens.
EDGES = [
    *(date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 29), date(2024, 3, 1)),
    *(date(2024, 3, 10), date(2024, 4, 1), date(2024, 6, 24), date(2024, 6, 30)),
    *(date(2024, 7, 1), date(2024, 9, 11), date(2024, 9, 18), date(2024, 11, 3)),
    *(date(2024, 12, 25), date(2024, 12, 30), date(2025, 1, 1)),
]
# At a midnight where much happens, in the middle of the data, and after it.
AS_OF = [date(2024, 7, 1), date(2024, 9, 18), date(2025, 1, 1), date(2025, 4, 9)]
# As the clocks of the reporting timezone show it: its midnight, its last second, and the moments
# that are midnight UTC in Kolkata and (in winter) New York.
CLOCKS = [time(0), time(0), time(5, 30), time(12), time(19), time(23, 59, 59)]
# The one that reactivation_gap_days bridges in the last timezone, and the one that it does not.
WEEK_LONG_GAPS = [timedelta(days=7), timedelta(days=7), timedelta(days=8)]
CURRENCIES = [None, "USD", "EUR"]
STATUSES = [
    *(None, *["active"] * 6, "past_due", "trialing", "paused", "unpaid", "incomplete"),
    *("canceled", "expired"),
]


def in_utc(day, clock, zone):
    return datetime.combine(day, clock, zone).astimezone(UTC).replace(tzinfo=None)


def local_day(moment, zone):
    return moment.replace(tzinfo=UTC).astimezone(zone).date()


class Shop:
    """Everyone's rows are drawn by themselves, so that a shop with fewer customers keeps theirs."""

    def __init__(self, seed, customers, sells, zone):
        self.zone = zone
        self.tables = {"orders": [], "refunds": [], "customers": [], "subscriptions": []}
        # The last one is nobody: orders of guests.
        for customer_id in [f"c{number:02}" for number in range(customers)] + [None]:
            self.chance = random.Random(f"{seed} {customer_id}")
            if "orders" in sells:
                for _ in range(self.chance.randint(0, 9)):
                    self.add_order(customer_id)
            if customer_id and "subscriptions" in sells:
                for _ in range(self.chance.randint(0, 3)):
                    self.add_subscription(customer_id)
            if customer_id and self.happens(0.8):
                self.tables["customers"].append(
                    {
                        "customer_id": customer_id,
                        "country": self.chance.choice([None, "DE", "US"]),
                        "acquisition_channel": self.chance.choice([None, "email", "referral"]),
                    }
                )

    def happens(self, probability):
        return self.chance.random() < probability

    def moment(self):
        any_day = FIRST_DAY + timedelta(days=self.chance.randint(0, 465))
        day = self.chance.choice(EDGES) if self.happens(0.4) else any_day
        return in_utc(day, self.chance.choice(CLOCKS), self.zone)

    def add_order(self, customer_id):
        """Now and then a second one on that day; half of them refunded, in part, soon or late."""
        orders, refunds = self.tables["orders"], self.tables["refunds"]
        order = {
            "order_id": f"o{len(orders)}",
            "customer_id": customer_id,
            "ordered_at": self.moment(),
            "amount": Decimal(self.chance.choice([0, 1, self.chance.randint(0, 15_000)])) / 100,
            "currency": self.chance.choice(CURRENCIES),
            "status": self.chance.choice([None, *["paid"] * 8, "cancelled", "void", "failed"]),
            "is_test": self.chance.choice([None, *[False] * 9, True]),
        }
        orders.append(order)
        left = order["amount"]
        for _ in range(self.chance.choice([0, 0, 1, 3])):
            amount = (left / self.chance.choice([1, 3, 3])).quantize(Decimal("0.01"), ROUND_DOWN)
            left -= amount
            later = timedelta(days=self.chance.choice([0, 1, 20, 45, 200]))
            refunds.append(
                {
                    "refund_id": f"r{len(refunds)}",
                    "order_id": order["order_id"],
                    "refunded_at": order["ordered_at"] + later,
                    "amount": amount,
                    "currency": order["currency"],
                }
            )
        if self.happens(0.1):
            noon = in_utc(local_day(order["ordered_at"], self.zone), time(12), self.zone)
            orders.append(order | {"order_id": f"o{len(orders)}", "ordered_at": noon})

    def add_subscription(self, customer_id):
        """In one to four versions: upgrades, pauses, ends and returns."""
        rows = self.tables["subscriptions"]
        number = len({row["subscription_id"] for row in rows})
        started_at, *changes = sorted({self.moment() for _ in range(self.chance.randint(1, 4))})
        # Sometimes it is first heard of after its start.
        versions = changes if changes and self.happens(0.3) else [started_at, *changes]
        trial_ends_at = self.moment() if self.happens(0.3) else None
        for effective_at, next_effective_at in zip_longest(versions, versions[1:]):
            ended_at = None
            if next_effective_at and self.happens(0.5):
                gap = self.chance.choice([timedelta(seconds=1), *WEEK_LONG_GAPS])
                ended_at = max(next_effective_at - gap, started_at)
            elif self.happens(0.2):
                # Also before the version takes effect: the end was learned of late.
                ended_at = max(self.moment(), started_at)
            rows.append(
                {
                    "subscription_id": f"s{number}",
                    "customer_id": customer_id,
                    "started_at": started_at,
                    "effective_at": effective_at,
                    "amount": self.chance.choice(["30", "9.99", "0", "120.50", "1000"]),
                    "billing_interval": self.chance.choice(["month", "year"]),
                    "interval_count": self.chance.choice([None, 1, 3]),
                    "quantity": self.chance.choice([None, 1, 2]),
                    "discount_amount": self.chance.choice([None, None, "2.50"]),
                    "currency": self.chance.choice(CURRENCIES),
                    "plan_id": self.chance.choice([None, "basic", "pro"]),
                    "status": self.chance.choice(STATUSES),
                    "trial_ends_at": trial_ends_at,
                    "current_period_ends_at": self.moment() if self.happens(0.5) else None,
                    "ended_at": ended_at,
                }
            )


# --- The oracle -----------------------------------------------------------------------------------

GRAINS = ["week", "month", "quarter", "year"]
HORIZONS = [30, 60, 90, 180, 365]
NOTHING = Decimal("0.00")


def read_seed(name):
    return list(csv.DictReader((ROOT / f"seeds/{name}.csv").read_text().splitlines()))


TARGETS = {row["kpi"]: Fraction(row["target"]) for row in read_seed("kpi_targets")}
EXCHANGE_RATES = read_seed("exchange_rates")


def days_between(first, last):
    """Every day from first to last, both included."""
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


def period_of(day, grain):
    """The first day of the period in which the day lies."""
    match grain:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case "year":
            return day.replace(month=1, day=1)


def following(start, grain):
    """The first day of the next period: the longest of periods would have ended by it or in it."""
    longest = {"week": 7, "month": 31, "quarter": 92, "year": 366}[grain]
    return period_of(start + timedelta(days=longest), grain)


def rate(numerator, denominator):
    return float(Fraction(numerator) / Fraction(denominator)) if denominator else None


@lru_cache
def wilson(successes, trials):
    if not trials:
        return None, None
    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def to_cents(amount):
    return (Decimal(amount.numerator) / amount.denominator).quantize(Decimal("0.01"), ROUND_HALF_UP)


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


class Oracle:
    def __init__(self, shop, dim_customers, zone, as_of, order_lapse_days, reactivation_gap_days):
        self.zone, self.as_of, self.last_day = zone, as_of, as_of - timedelta(days=1)
        self.as_of_at = self.midnight(as_of)
        self.order_lapse = timedelta(days=order_lapse_days)
        self.reactivation_gap = timedelta(days=reactivation_gap_days)
        self.read_orders(shop)
        self.read_subscriptions(shop)
        self.read_segments(dim_customers)

    # Time

    def midnight(self, day):
        return in_utc(day, time(0), self.zone)

    def day(self, moment):
        return local_day(moment, self.zone)

    def periods_from(self, start, grain):
        """(start, end, state date, is complete) of every period up to the running one."""
        while start <= self.last_day:
            end = following(start, grain)
            yield start, end, min(end, self.as_of), end <= self.as_of
            start = end

    # What the raw rows say

    def read_orders(self, shop):
        """Orders that count, of customers: days of each customer, and money by customer and day."""
        self.order_days = defaultdict(list)
        self.revenue = defaultdict(list)
        counted = {}
        for order in shop["orders"]:
            if (
                order["status"] not in ("cancelled", "void", "failed")
                and not order["is_test"]
                and order["ordered_at"] < self.as_of_at
                and order["customer_id"] is not None
            ):
                day = self.day(order["ordered_at"])
                counted[order["order_id"]] = order["customer_id"], day
                amount = to_cents(exchanged(order["amount"], order["currency"], day))
                self.order_days[order["customer_id"]].append(day)
                self.revenue[order["customer_id"]].append((day, amount))
        refunded = defaultdict(Decimal)
        for refund in sorted(shop["refunds"], key=itemgetter("refunded_at", "refund_id")):
            order_id = refund["order_id"]
            if order_id in counted and refund["refunded_at"] < self.as_of_at:
                customer_id, order_day = counted[order_id]
                # Cents of all that was paid back by then, less those of before.
                before = to_cents(exchanged(refunded[order_id], refund["currency"], order_day))
                refunded[order_id] += refund["amount"]
                so_far = to_cents(exchanged(refunded[order_id], refund["currency"], order_day))
                self.revenue[customer_id].append((self.day(refund["refunded_at"]), before - so_far))
        self.purchase_days = {
            customer: sorted(set(its_days)) for customer, its_days in self.order_days.items()
        }

    def read_subscriptions(self, shop):
        """For each customer the stretches that pay: (from, until or None, MRR)."""
        self.paying = defaultdict(list)
        versions = defaultdict(list)
        self.starts, self.prices = set(), {}
        for row in shop["subscriptions"]:
            versions[row["subscription_id"]].append(row)
            self.starts.add((row["customer_id"], row["started_at"]))
        for rows in versions.values():
            rows.sort(key=lambda row: row["effective_at"])
            began_on = {}
            for number, row in enumerate(rows):
                begins = row["started_at"] if number == 0 else row["effective_at"]
                if row["trial_ends_at"]:
                    begins = max(begins, row["trial_ends_at"])
                ends = self.end_in_force(row, rows[number + 1 :])
                # The same terms keep the exchange rate of the day on which they began.
                day = began_on.setdefault(self.price(row), self.day(row["effective_at"]))
                mrr = self.mrr(row, day)
                self.prices[row["subscription_id"], row["effective_at"]] = mrr
                if (
                    mrr > 0
                    and row["status"] not in ("paused", "unpaid", "incomplete")
                    and (row["trial_ends_at"] or row["status"] != "trialing")
                    and begins < self.as_of_at
                    and (ends is None or begins < ends)
                ):
                    # What ends at as_of or later is running.
                    ends = ends if ends and ends < self.as_of_at else None
                    self.paying[row["customer_id"]].append((begins, ends, mrr))

    def end_in_force(self, row, later_rows):
        """By its own end, the next version, or an end that a later version dated back."""
        end = self.end_of_service(row)
        next_from = later_rows[0]["effective_at"] if later_rows else None
        if end and end + timedelta(seconds=1) == next_from:
            end = next_from
        dated_back = [
            later_end
            for later in later_rows
            if (later_end := self.end_of_service(later)) and later_end < later["effective_at"]
        ]
        return min((moment for moment in [end, next_from, *dated_back] if moment), default=None)

    def end_of_service(self, row):
        """By what this row says; a second before the customer's next start is that start."""
        end = row["ended_at"]
        if end is None and row["status"] in ("canceled", "expired"):
            end = row["current_period_ends_at"] or row["effective_at"]
        if end and (row["customer_id"], end + timedelta(seconds=1)) in self.starts:
            end += timedelta(seconds=1)
        return end

    @staticmethod
    def price(row):
        """What is paid a billing period, in which currency, and how many months that period has."""
        amount = Decimal(row["amount"]) * (row["quantity"] or 1)
        amount -= Decimal(row["discount_amount"] or 0)
        months = {"month": 1, "year": 12}[row["billing_interval"]] * (row["interval_count"] or 1)
        return amount, row["currency"] or "USD", months

    def mrr(self, row, day):
        amount, currency, months = self.price(row)
        return to_cents(exchanged(amount, currency, day) / months)

    def mrr_at(self, customer, day):
        """Of what began before that midnight and did not end before it."""
        boundary = self.midnight(day)
        return sum(
            (
                mrr
                for begins, ends, mrr in self.paying[customer]
                if begins < boundary and (ends is None or ends >= boundary)
            ),
            NOTHING,
        )

    def read_segments(self, dim_customers):
        """Everyone counts in 'all', and in one value of each segment."""
        attributes = {row["customer_id"]: row for row in dim_customers}
        assert len(attributes) == len(dim_customers)
        everyone = {*self.purchase_days, *self.paying}
        self.segments = defaultdict(set)
        for customer in everyone:
            self.segments["all", "all"].add(customer)
            for name in SEGMENTS:
                assert attributes[customer][name] is not None
                self.segments[name, attributes[customer][name]].add(customer)

    def cohorts(self, first_days):
        """(columns of the cohort, its grain, its start, its customers), for all four grains."""
        for (name, value), members in self.segments.items():
            for grain in GRAINS:
                cohorts = defaultdict(list)
                for customer in members & first_days.keys():
                    cohorts[period_of(first_days[customer], grain)].append(customer)
                for start, its_customers in cohorts.items():
                    columns = {
                        "segment_name": name,
                        "segment_value": value,
                        "period_grain": grain,
                        "cohort_start": start,
                    }
                    yield columns, its_customers

    # The marts

    def rpt_order_cohorts(self):
        first_days = {customer: min(its_days) for customer, its_days in self.order_days.items()}
        for columns, its_customers in self.cohorts(first_days):
            cumulative = NOTHING
            periods = self.periods_from(columns["cohort_start"], columns["period_grain"])
            for since, (start, end, _, is_complete) in enumerate(periods):
                its_orders = [
                    (customer, day)
                    for customer in its_customers
                    for day in self.order_days[customer]
                ]
                active = len({customer for customer, day in its_orders if start <= day < end})
                rolling = len({customer for customer, day in its_orders if start <= day})
                net_revenue = sum(
                    (
                        amount
                        for customer in its_customers
                        for day, amount in self.revenue[customer]
                        if start <= day < end
                    ),
                    NOTHING,
                )
                cumulative += net_revenue
                low, high = wilson(active, len(its_customers))
                rolling_low, rolling_high = wilson(rolling, len(its_customers))
                yield columns | {
                    "periods_since": since,
                    "period_start": start,
                    "cohort_customers": len(its_customers),
                    "active_customers": active,
                    "retention_rate": rate(active, len(its_customers)),
                    "retention_ci_low": low,
                    "retention_ci_high": high,
                    "rolling_active_customers": rolling,
                    "rolling_retention_rate": rate(rolling, len(its_customers)),
                    "rolling_retention_ci_low": rolling_low,
                    "rolling_retention_ci_high": rolling_high,
                    "orders": sum(start <= day < end for _, day in its_orders),
                    "net_revenue": net_revenue,
                    "cumulative_net_revenue": cumulative,
                    "is_complete": is_complete,
                    "is_rolling_complete": end + self.order_lapse <= self.as_of,
                }

    def rpt_subscription_cohorts(self):
        first_days = {
            customer: self.day(min(begins for begins, _, _ in stretches))
            for customer, stretches in self.paying.items()
        }
        for columns, its_customers in self.cohorts(first_days):
            opening = None
            periods = self.periods_from(columns["cohort_start"], columns["period_grain"])
            for since, (start, _, state_date, is_complete) in enumerate(periods):
                now = {customer: self.mrr_at(customer, state_date) for customer in its_customers}
                opening = opening or now
                kept = sum(min(now[customer], opening[customer]) for customer in its_customers)
                active = sum(mrr > 0 for mrr in now.values())
                low, high = wilson(active, len(its_customers))
                yield columns | {
                    "periods_since": since,
                    "period_start": start,
                    "cohort_customers": len(its_customers),
                    "active_customers": active,
                    "retention_rate": rate(active, len(its_customers)),
                    "retention_ci_low": low,
                    "retention_ci_high": high,
                    "opening_mrr": sum(opening.values()),
                    "mrr": sum(now.values()),
                    "net_revenue_retention": rate(sum(now.values()), sum(opening.values())),
                    "gross_revenue_retention": rate(kept, sum(opening.values())),
                    "is_complete": is_complete,
                }

    def rpt_repeat_purchase(self):
        first_days = {customer: its_days[0] for customer, its_days in self.purchase_days.items()}
        for columns, its_customers in self.cohorts(first_days):
            is_complete = following(columns["cohort_start"], columns["period_grain"]) <= self.as_of
            yield columns | self.repeat_purchase(its_customers) | {"is_complete": is_complete}
        for (name, value), members in self.segments.items():
            if buyers := members & first_days.keys():
                yield {
                    "segment_name": name,
                    "segment_value": value,
                    "period_grain": "all",
                    "cohort_start": None,
                    "is_complete": False,
                } | self.repeat_purchase(buyers)

    def repeat_purchase(self, its_customers):
        histories = [self.purchase_days[customer] for customer in its_customers]
        repeat = sum(len(history) > 1 for history in histories)
        low, high = wilson(repeat, len(histories))
        columns = {
            "customers": len(histories),
            "repeat_customers": repeat,
            "repeat_rate": rate(repeat, len(histories)),
            "repeat_ci_low": low,
            "repeat_ci_high": high,
        }
        for n in HORIZONS:
            within = timedelta(days=n)
            mature = [history for history in histories if history[0] + within <= self.last_day]
            back = sum(len(history) > 1 and history[1] <= history[0] + within for history in mature)
            low, high = wilson(back, len(mature))
            columns |= {
                f"mature_customers_{n}d": len(mature),
                f"repeat_customers_{n}d": back,
                f"repeat_rate_{n}d": rate(back, len(mature)),
                f"repeat_ci_low_{n}d": low,
                f"repeat_ci_high_{n}d": high,
            }
        orders = sum(len(self.order_days[customer]) for customer in its_customers)
        gaps = [
            (day - previous).days for history in histories for previous, day in pairwise(history)
        ]
        spent = {
            customer: sum((amount for _, amount in self.revenue[customer]), NOTHING)
            for customer in its_customers
        }
        best_first = sorted(its_customers, key=lambda customer: (-spent[customer], customer))
        n_top = ceil(Fraction(len(histories), 10))
        top = sum(spent[customer] for customer in best_first[:n_top])
        others = sum(spent[customer] for customer in best_first[n_top:])
        n_others = len(histories) - n_top
        return columns | {
            "purchase_frequency": rate(orders, len(histories)),
            "average_order_value": to_cents(Fraction(top + others) / orders),
            "median_days_between": float(statistics.median(gaps)) if gaps else None,
            "mean_days_between": rate(sum(gaps), len(gaps)),
            "top_decile_revenue_share": rate(top, top + others),
            "top_decile_spend_multiple": (
                rate(Fraction(top) / n_top, Fraction(others) / n_others) if n_others else None
            ),
        }

    def spells(self, customer):
        """(first day, day of the end or None) of each, short gaps bridged."""
        stretches = sorted(
            (self.day(begins), self.day(ends) if ends else date.max)
            for begins, ends, _ in self.paying[customer]
        )
        spells = []
        for start, end in stretches:
            if spells and start - spells[-1][1] <= self.reactivation_gap:
                spells[-1] = spells[-1][0], max(end, spells[-1][1])
            else:
                spells.append((start, end))
        # A gap at the end of the data may yet be bridged.
        return [
            (start, date.max if self.as_of - end < self.reactivation_gap else end)
            for start, end in spells
        ]

    def rpt_retention_rates(self):
        buying = {
            customer: [(day, day + self.order_lapse) for day in its_days]
            for customer, its_days in self.purchase_days.items()
        }
        subscribing = {customer: self.spells(customer) for customer in self.paying}
        either = {
            customer: buying.get(customer, []) + subscribing.get(customer, [])
            for customer in {*buying, *subscribing}
        }
        bases = {"orders": buying, "subscriptions": subscribing, "any": either}
        for basis, activity in bases.items():
            # The days of someone's activity, the day of the loss included ...
            at_risk = {
                customer: set().union(
                    *(days_between(start, min(end, self.last_day)) for start, end in its_activity)
                )
                for customer, its_activity in activity.items()
            }
            # ... and the midnights at which they were active just before.
            active_at = {
                customer: set().union(
                    *(
                        days_between(start + timedelta(days=1), min(end, self.as_of))
                        for start, end in its_activity
                    )
                )
                for customer, its_activity in activity.items()
            }
            for (name, value), members in self.segments.items():
                present = members & activity.keys()
                for grain in GRAINS if present else []:
                    first_day = min(min(at_risk[customer]) for customer in present)
                    for period in self.periods_from(period_of(first_day, grain), grain):
                        yield {
                            "segment_name": name,
                            "segment_value": value,
                            "basis": basis,
                            "period_grain": grain,
                            "period_start": period[0],
                            "is_complete": period[3],
                            "is_left_truncated": self.is_left_truncated(basis, period[0]),
                        } | self.retention(
                            [(at_risk[customer], active_at[customer]) for customer in present],
                            *period[:3],
                        )

    def is_left_truncated(self, basis, start):
        if basis == "subscriptions" or not self.purchase_days:
            return False
        first_data = min(its_days[0] for its_days in self.purchase_days.values())
        return start < first_data + self.order_lapse

    def retention(self, histories, start, end, state_date):
        at_start = at_end = new = returning = lost = lost_newcomers = events = days_at_risk = 0
        for at_risk, active_at in histories:
            in_period = {day for day in at_risk if start <= day < end}
            at_start += start in active_at
            at_end += state_date in active_at
            match start in active_at, state_date in active_at:
                case True, False:
                    lost += 1
                case False, True if min(at_risk) >= start:
                    new += 1
                case False, True:
                    returning += 1
                case False, False if in_period:
                    lost_newcomers += 1
            events += sum(day + timedelta(days=1) not in active_at for day in in_period)
            days_at_risk += len(in_period)
        joined = new + returning
        assert at_end == at_start - lost + joined
        low, high = wilson(at_end - joined, at_start)
        daily = rate(events, days_at_risk)
        daily_low, daily_high = wilson(events, days_at_risk)
        monthly = None if daily is None else 1 - (1 - daily) ** 30.4375
        return {
            "customers_at_start": at_start,
            "new_customers": new,
            "returning_customers": returning,
            "lost_customers": lost,
            "lost_newcomers": lost_newcomers,
            "customers_at_end": at_end,
            "retention_rate": rate(at_end - joined, at_start),
            "retention_ci_low": low,
            "retention_ci_high": high,
            "churn_rate": rate(lost, at_start),
            "churn_rate_average_base": rate(lost, Fraction(at_start + at_end, 2)),
            "churn_rate_everyone_served": rate(
                lost + lost_newcomers, at_start + joined + lost_newcomers
            ),
            "churn_events": events,
            "customer_days_at_risk": days_at_risk,
            "daily_churn_probability": daily,
            "daily_churn_ci_low": daily_low,
            "daily_churn_ci_high": daily_high,
            "monthly_equivalent_churn_rate": monthly,
            "band": self.band(monthly),
        }

    @staticmethod
    def band(monthly):
        if monthly is None:
            return None
        if monthly < TARGETS["monthly_churn_rate_watch"]:
            return "healthy"
        return "watch" if monthly <= TARGETS["monthly_churn_rate_high"] else "high"


# --- The marts ------------------------------------------------------------------------------------


class Warehouse(Project):
    """The rows of the marts, shop after shop; dbt takes each one's vars without parsing again."""

    def __init__(self, folder):
        super().__init__(folder)
        self.flags_of_every_shop = self.flags

    def rows(self, shop, variables):
        """The rows of the marts in question and of dim_customers, by name."""
        write(self.raw_dir, plainly(shop))
        for path in self.warehouse.parent.iterdir():
            path.unlink()
        shutil.copy(self.seeded, self.warehouse)
        marts = ["core.dim_customers", *KEYS]
        models = [f"+{mart.split('.')[1]}" for mart in marts]
        self.flags = [
            *self.flags_of_every_shop,
            *("--select", *models, "--vars", json.dumps(variables)),
        ]
        self.dbt("run")
        with duckdb.connect(self.warehouse, read_only=True) as connection:
            return {mart: self.rows_of(connection, mart) for mart in marts}

    @staticmethod
    def rows_of(connection, mart):
        relation = connection.sql(f"select * from {mart}")
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warehouse")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENURE_HOME", str(folder))
        patch.setenv("TENURE_RAW_DIR", str(folder / "raw"))
        yield Warehouse(folder)


def is_same(expected, found):
    if isinstance(expected, float) and isinstance(found, float):
        return isclose(expected, found, rel_tol=1e-9, abs_tol=1e-9)
    return type(expected) is type(found) and expected == found


def differences(expected_rows, found_rows, key, is_same=is_same):
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


@pytest.mark.parametrize(
    "timezone, order_lapse_days, reactivation_gap_days",
    [("UTC", 90, 0), ("America/New_York", 90, 0), ("Asia/Kolkata", 30, 7)],
)
@given(
    seed=st.integers(0, 2**64),
    customers=st.integers(2, 14) | st.just(14) | st.just(14),
    sells=st.sampled_from([*["orders and subscriptions"] * 4, "orders", "subscriptions"]),
    as_of=st.sampled_from(AS_OF),
)
def test_every_cell_is_what_the_oracle_counts(
    warehouse, timezone, order_lapse_days, reactivation_gap_days, seed, customers, sells, as_of
):
    zone = ZoneInfo(timezone)
    shop = Shop(seed, customers, sells, zone).tables
    assume(shop["orders"] or shop["subscriptions"])
    variables = {
        "reporting_timezone": timezone,
        "as_of_date": as_of.isoformat(),
        "order_lapse_days": order_lapse_days,
        "reactivation_gap_days": reactivation_gap_days,
    }
    found = warehouse.rows(shop, variables)
    oracle = Oracle(
        shop, found["core.dim_customers"], zone, as_of, order_lapse_days, reactivation_gap_days
    )
    for mart, key in KEYS.items():
        expected = getattr(oracle, mart.split(".")[1])()
        wrong = [f"{mart}: {difference}" for difference in differences(expected, found[mart], key)]
        assert not wrong, "\n".join(wrong[:20])
