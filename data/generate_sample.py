"""Write the sample shop: raw files of a coffee shop that sells by the order and by subscription.

    python data/generate_sample.py [folder]

The same seed gives the same rows on every machine and supported Python version: all chance comes
from `Dice`, which uses nothing of `random.Random` but its documented `random()` stream, one stream
per customer, so that a change to one customer moves no other. Times are UTC.

Three kinds of rows are mixed in the files:

- some 2,000 generated customers, ids `c-...`;
- HARD_CASES: hand-written customers with speaking ids, `case-...`, each a case that retention
  reports often get wrong, with the right answer in its note;
- FAULTS: rows that are late, doubled or broken on purpose, each with its outcome in a comment.

Beside the folder, in `<folder>_truth`, lie the right answers, worked out from the same rows by
the package `truth` without the models.

Nothing happens after LAST_DAY, for the day after the latest event becomes the as-of date. The only
exceptions lie in 2031, beyond any build of the next years: an end set for 2026 would turn into the
latest event as soon as 2026 is over. Who is set to leave soon has `current_period_ends_at` instead.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import duckdb

from truth import write_truth

SEED = 20230109
FIRST_DAY = date(2023, 1, 9)
LAST_DAY = date(2025, 12, 17)
AS_OF = datetime(2025, 12, 18)
DAYS = (LAST_DAY - FIRST_DAY).days + 1
CUSTOMERS = 2000
EXCHANGE_RATES = Path(__file__).resolve().parents[1] / "seeds" / "exchange_rates.csv"

Value = str | int | bool | Decimal | date | datetime | None
Row = dict[str, Value]
T = TypeVar("T")

ORDER_COLUMNS = [
    "order_id",
    "customer_id",
    "ordered_at",
    "amount",
    "currency",
    "status",
    "discount_amount",
    "tax_amount",
    "shipping_amount",
    "is_test",
    "channel",
    "updated_at",
]
REFUND_COLUMNS = ["refund_id", "order_id", "refunded_at", "amount", "currency"]
CUSTOMER_COLUMNS = [
    "customer_id",
    "signed_up_at",
    "email",
    "country",
    "acquisition_channel",
    "referred_by_customer_id",
    "updated_at",
]
SUBSCRIPTION_COLUMNS = [
    "subscription_id",
    "customer_id",
    "plan_id",
    "status",
    "started_at",
    "amount",
    "billing_interval",
    "interval_count",
    "quantity",
    "discount_amount",
    "currency",
    "trial_ends_at",
    "current_period_ends_at",
    "cancel_requested_at",
    "ended_at",
    "cancel_reason",
    "effective_at",
    "updated_at",
    "is_test",
]
SPEND_COLUMNS = ["spend_date", "channel", "amount", "currency"]


# --- Chance -------------------------------------------------------------------------------------


class Dice:
    """One stream of chance, told apart by its key."""

    def __init__(self, *key: str) -> None:
        """Open the stream of this key."""
        self.unit = random.Random(":".join((str(SEED), *key))).random

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.unit() < probability

    def between(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self.unit() * (high - low + 1))

    def pick(self, weights: dict[T, float]) -> T:
        """Return one of the keys, in proportion to its weight."""
        mark = self.unit() * sum(weights.values())
        for choice, weight in weights.items():
            mark -= weight
            if mark < 0:
                return choice
        return next(reversed(weights))

    def exponential(self, mean: float) -> float:
        """Return an exponential waiting time."""
        return -mean * math.log(1.0 - self.unit())

    def normal(self) -> float:
        """Return a standard normal number (Box and Muller)."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.unit()))
        return radius * math.cos(2.0 * math.pi * self.unit())

    def gamma(self, shape: float, scale: float) -> float:
        """Return a gamma number (Marsaglia and Tsang 2000)."""
        if shape < 1.0:
            boost = (1.0 - self.unit()) ** (1.0 / shape)
            return self.gamma(shape + 1.0, scale) * boost
        d = shape - 1.0 / 3.0
        c = 1.0 / math.sqrt(9.0 * d)
        while True:
            x = self.normal()
            v = (1.0 + c * x) ** 3
            if v > 0.0 and math.log(1.0 - self.unit()) < 0.5 * x * x + d - d * v + d * math.log(v):
                return d * v * scale

    def beta(self, a: float, b: float) -> float:
        """Return a beta number, the share of one gamma in two."""
        x, y = self.gamma(a, 1.0), self.gamma(b, 1.0)
        return x / (x + y)


# --- Money and time -----------------------------------------------------------------------------


def money(amount: float | str) -> Decimal:
    """Return an amount with two digits after the point."""
    return Decimal(str(amount)).quantize(Decimal("0.01"))


def at(text: str) -> datetime | None:
    """Read `2024-03-05 14:22:31`, UTC; empty is no moment."""
    return datetime.fromisoformat(text) if text else None


def add_months(moment: datetime, months: int) -> datetime:
    """Return the same day some months later; a day that the month lacks becomes its last day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    first_of_next = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last_day = (first_of_next - timedelta(days=1)).day
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))


def season(day: date) -> float:
    """Return how strongly people buy coffee on this day, 1 in an ordinary month."""
    if (day.month, day.day) > (12, 24):
        return 1.0
    return {1: 0.95, 7: 0.9, 8: 0.9, 11: 1.25, 12: 1.4}.get(day.month, 1.0)


def clock(dice: Dice, day: float) -> datetime:
    """Return a moment of this day (counted from FIRST_DAY) at which people are awake."""
    hour = 6.0 + 15.5 * (dice.unit() + dice.unit()) / 2.0
    moment = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day) + timedelta(days=int(day))
    return moment + timedelta(seconds=int(hour * 3600.0))


def not_after_the_end(moment: datetime) -> datetime:
    """Return the moment, or the last second of the data if that is earlier."""
    return min(moment, AS_OF - timedelta(seconds=1))


# --- Who the customers are ----------------------------------------------------------------------


@dataclass(frozen=True)
class Channel:
    """An acquisition channel: its share, the dropping out of its buyers, its cost."""

    share: float
    drop_out: tuple[float, float]  # beta parameters of leaving for good after a purchase
    churn_factor: float  # on the hazard of its subscribers
    cost_per_customer: float


# Customers who were sent by a friend stay longest, those of an advertisement in a feed shortest.
CHANNELS = {
    "organic": Channel(0.29, (0.56, 1.30), 1.0, 0.0),
    "paid_search": Channel(0.20, (0.70, 1.25), 1.1, 21.0),
    "paid_social": Channel(0.18, (0.85, 1.25), 1.5, 27.0),
    "referral": Channel(0.13, (0.38, 1.85), 0.6, 11.0),
    "email": Channel(0.08, (0.52, 1.45), 0.9, 4.0),
    "marketplace": Channel(0.08, (0.80, 1.25), 1.3, 13.0),
    "": Channel(0.04, (0.70, 1.25), 1.0, 0.0),
}
COUNTRIES = {"US": 0.57, "GB": 0.12, "DE": 0.10, "CA": 0.09, "FR": 0.07, "": 0.05}
CURRENCY_OF_COUNTRY = {"GB": "GBP", "DE": "EUR", "FR": "EUR"}
TAX_OF_COUNTRY = {"US": 0.07, "CA": 0.05, "GB": 0.0, "DE": 0.07, "FR": 0.055}
KINDS = {"orders": 0.69, "both": 0.17, "subscriptions": 0.11, "neither": 0.03}


@dataclass(frozen=True)
class Shopper:
    """One generated customer and what stays the same about them."""

    customer_id: str
    arrived_on: int  # days since FIRST_DAY
    kind: str
    channel: str
    country: str
    currency: str
    referred_by: str | None


def arrival_days() -> list[int]:
    """Return the day of arrival of every generated customer: mild growth, more in winter."""
    weights = [
        (1.0 + 0.28 * day / 365.0) * season(FIRST_DAY + timedelta(days=day)) for day in range(DAYS)
    ]
    dice = Dice("arrivals")
    return sorted(dice.pick(dict(enumerate(weights))) for _ in range(CUSTOMERS))


def shoppers() -> list[Shopper]:
    """Return the generated customers in order of arrival."""
    people: list[Shopper] = []
    for number, day in enumerate(arrival_days()):
        customer_id = f"c-{number + 1:05d}"
        dice = Dice(customer_id, "who")
        channel = dice.pick({name: channel.share for name, channel in CHANNELS.items()})
        country = dice.pick(COUNTRIES)
        currency = CURRENCY_OF_COUNTRY.get(country, "USD") if dice.chance(0.8) else "USD"
        friend = people[int(dice.unit() * number)].customer_id if number else None
        people.append(
            Shopper(
                customer_id,
                day,
                dice.pick(KINDS),
                channel,
                country,
                currency,
                friend if channel == "referral" and dice.chance(0.8) else None,
            )
        )
    return people


# --- Orders -------------------------------------------------------------------------------------


@dataclass
class Order:
    """One order in its final state; `seen_before` is when an earlier state was delivered."""

    row: Row
    country: str
    seen_before: datetime | None = None
    refunds: list[tuple[datetime, Decimal]] = field(default_factory=list)


def purchase_days(dice: Dice, first: float, channel: Channel) -> Iterable[float]:
    """Yield days of purchase: Poisson at a gamma rate, a chance to leave after each (BG/NBD)."""
    rate_per_week = dice.gamma(0.8, 0.26)
    drop_out = dice.beta(*channel.drop_out)
    day = first
    while day < DAYS:
        yield day
        if dice.chance(drop_out):
            return
        while True:  # the season thins a process that runs at its highest rate
            day += dice.exponential(7.0 / (1.4 * rate_per_week))
            if day >= DAYS or dice.chance(season(FIRST_DAY + timedelta(days=int(day))) / 1.4):
                break


def basket(dice: Dice, rate: float) -> Decimal:
    """Return the worth of one order of a customer (gamma-gamma), in steps of ten cents."""
    worth = min(max(dice.gamma(6.0, 1.0 / rate), 7.5), 260.0)
    return money(round(worth, 1))


def order(dice: Dice, moment: datetime, worth: Decimal, shopper: Shopper | None) -> Order:
    """Return one order with everything around the amount, and its refunds."""
    country = shopper.country if shopper else "US"
    currency = shopper.currency if shopper else "USD"
    channel = dice.pick({"web": 0.58, "app": 0.27, "store": 0.15})
    is_free = dice.chance(0.003)
    amount = money(0) if is_free else worth
    discount = money(float(worth) * 0.1) if dice.chance(0.14) or is_free else money(0)
    tax = money(float(amount) * TAX_OF_COUNTRY.get(country, 0.0))
    shipping = money(0) if channel == "store" or worth >= 40 else money("4.90")
    status = dice.pick(
        {
            "fulfilled": 86.5,
            "paid": 8,
            "cancelled": 2.2,
            "refunded": 1.6,
            "failed": 1.0,
            "void": 0.7,
        }
    )
    changed_at = moment + timedelta(hours=2.0 + dice.exponential(40.0))
    refunds: list[tuple[datetime, Decimal]] = []
    if status == "refunded" or (status == "fulfilled" and dice.chance(0.022)):
        refunded_at = moment + timedelta(days=2.0, seconds=int(dice.gamma(1.6, 8.0) * 86400.0))
        share = 1.0 if status == "refunded" else 0.1 * dice.between(2, 7)
        if refunded_at < AS_OF and amount > 0:
            refunds.append((refunded_at, money(float(amount) * share)))
            changed_at = refunded_at
        else:
            status = "fulfilled"
    if channel == "store":
        changed_at = refunds[0][0] if refunds else moment
    if changed_at >= AS_OF:  # then it has not happened yet
        changed_at = moment
        status = "paid" if status in ("fulfilled", "cancelled") else status
    row: Row = {
        "customer_id": shopper.customer_id if shopper else None,
        "ordered_at": moment,
        "amount": amount,
        "currency": None if currency == "USD" and dice.chance(0.05) else currency,
        "status": status,
        "discount_amount": discount,
        "tax_amount": tax,
        "shipping_amount": shipping,
        "is_test": dice.chance(0.0009),
        "channel": channel,
        "updated_at": not_after_the_end(changed_at).replace(microsecond=0),
    }
    return Order(row, country, moment + timedelta(minutes=5), refunds)


def orders_of(shopper: Shopper, first: float) -> list[Order]:
    """Return everything that one customer ordered."""
    dice = Dice(shopper.customer_id, "orders")
    rate = dice.gamma(4.2, 1.0 / 17.5)
    found: list[Order] = []
    for day in purchase_days(dice, first, CHANNELS[shopper.channel]):
        moment = clock(dice, day)
        found.append(order(dice, moment, basket(dice, rate), shopper))
        if dice.chance(0.015):  # something was forgotten
            later = moment + timedelta(minutes=dice.between(4, 150))
            found.append(order(dice, later, basket(dice, rate), shopper))
    return found


def guest_orders() -> list[Order]:
    """Return the orders of people without an account."""
    dice = Dice("guests")
    weights = {day: season(FIRST_DAY + timedelta(days=day)) for day in range(DAYS)}
    return [
        order(dice, clock(dice, dice.pick(weights)), basket(dice, dice.gamma(4.2, 1 / 17.5)), None)
        for _ in range(190)
    ]


# --- Subscriptions ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """A plan: its rhythm, its prices, and how likely its subscribers leave at a renewal."""

    interval: str
    count: int
    prices: dict[str, str]
    hazard: tuple[float, float]  # beta parameters per renewal (shifted beta-geometric)
    share: float
    months: float


def prices(usd: str, eur: str, gbp: str) -> dict[str, str]:
    """Return the price list of one plan."""
    return {"USD": usd, "EUR": eur, "GBP": gbp}


PLANS = {
    "bean-club": Plan("month", 1, prices("24.00", "22.00", "19.50"), (0.85, 11.5), 0.44, 1.0),
    "bean-club-year": Plan("year", 1, prices("240.00", "220.00", "195.00"), (0.9, 2.4), 0.13, 12.0),
    "espresso-weekly": Plan("week", 1, prices("9.50", "8.90", "7.90"), (0.8, 45.0), 0.13, 12 / 52),
    "office": Plan("month", 1, prices("18.00", "16.50", "14.50"), (0.8, 20.0), 0.11, 1.0),
    "discovery": Plan("month", 3, prices("54.00", "49.50", "43.50"), (0.8, 4.2), 0.11, 3.0),
    "free-taster": Plan("month", 1, prices("0.00", "0.00", "0.00"), (2.0, 8.0), 0.08, 1.0),
}
PLAN_CHANGES = {
    "bean-club": {"bean-club": 5.0, "bean-club-year": 2.0, "discovery": 2.0},
    "bean-club-year": {"bean-club-year": 3.0, "bean-club": 1.0},
    "espresso-weekly": {"espresso-weekly": 1.0, "bean-club": 3.0},
    "office": {"office": 1.0},
    "discovery": {"bean-club": 1.0},
    "free-taster": {"bean-club": 1.0},
}
VOLUNTARY_REASONS = {
    "too expensive": 0.30,
    "too much coffee": 0.21,
    "taste": 0.13,
    "moving": 0.11,
    "": 0.22,
    'my doctor said "no more", sorry': 0.02,
    "Wir ziehen nach Köln, danke für alles!": 0.02,
    "the cat is afraid of the grinder": 0.015,
}
FAILURE_REASONS = {"payment_failed": 0.6, "card_expired": 0.4}


class Subscription:
    """The life of one subscription, written down as the rows that a billing system exports."""

    def __init__(
        self, dice: Dice, shopper: Shopper, key: str, started_at: datetime, plan: str
    ) -> None:
        """Open the subscription; nothing is recorded yet."""
        self.dice = dice
        self.churn_factor = CHANNELS[shopper.channel].churn_factor
        self.rows: list[Row] = []
        self.ended_at: datetime | None = None
        self.left_voluntarily = False
        self.state: Row = {
            "subscription_id": key,
            "customer_id": shopper.customer_id,
            "started_at": started_at,
            "status": "active",
            "quantity": 1,
            "currency": shopper.currency,
            "is_test": False,
        }
        self.currency = shopper.currency
        self.quantity = 1
        self.discount_rate = 0.0
        self.discounted_periods = 0
        self.set_plan(plan, started_at)

    def set_plan(self, name: str, moment: datetime) -> None:
        """Move to a plan, whose periods count from this moment."""
        self.plan_name, self.plan = name, PLANS[name]
        self.anchor, self.period = moment, 0
        self.hazard = min(self.dice.beta(*self.plan.hazard) * self.churn_factor, 0.95)
        if name == "office":
            self.quantity = self.dice.pick({2: 3, 3: 4, 4: 4, 5: 3, 6: 2, 8: 2, 10: 1, 12: 1})

    def boundary(self, number: int) -> datetime:
        """Return the end of the given number of periods."""
        step = number * self.plan.count
        if self.plan.interval == "week":
            return self.anchor + timedelta(days=7 * step)
        return add_months(self.anchor, step * (12 if self.plan.interval == "year" else 1))

    def record(self, moment: datetime, **changes: Value) -> None:
        """Write down the state from this moment on; what happens after the end is not known."""
        if moment >= AS_OF:
            return
        price = Decimal(self.plan.prices[self.currency])
        discount = money(float(price * self.quantity) * self.discount_rate)
        self.state |= {
            "plan_id": self.plan_name,
            "amount": price,
            "billing_interval": self.plan.interval,
            "interval_count": self.plan.count,
            "quantity": self.quantity,
            "discount_amount": discount,
            "current_period_ends_at": self.boundary(self.period + 1),
        }
        self.state |= changes
        delay = timedelta(seconds=self.dice.between(1, 240))
        if self.rows and self.dice.chance(0.02):
            late = timedelta(days=self.dice.between(3, 40), seconds=self.dice.between(0, 40000))
            delay = late if moment + late < AS_OF else delay
        row = self.state | {
            "effective_at": moment,
            "updated_at": not_after_the_end(moment + delay),
        }
        if self.state["currency"] == "USD" and self.dice.chance(0.04):
            row["currency"] = None
        if self.rows and delay.days == 0 and self.dice.chance(0.08):
            row["effective_at"] = None  # then `updated_at` is the effective moment
        elif self.rows and delay.days == 0 and self.dice.chance(0.03):
            # Corrected some weeks later: the same moment again, delivered with a later update.
            corrected_at = moment + timedelta(days=self.dice.between(9, 50))
            if corrected_at < AS_OF:
                self.rows.append(row | {"quantity": self.quantity + 1, "cancel_reason": None})
                row["updated_at"] = corrected_at
        self.rows.append(row)

    def end(self, moment: datetime, reason: str, **changes: Value) -> None:
        """Record the end of the subscription, known at this moment."""
        self.record(moment, status="canceled", ended_at=moment, cancel_reason=reason, **changes)
        self.ended_at = moment

    def leave(self, requested_at: datetime, end: datetime) -> None:
        """Leave of one's own will, in one of the ways in which billing systems write it down."""
        reason = self.dice.pick(VOLUNTARY_REASONS)
        self.left_voluntarily = True
        way = self.dice.pick({"scheduled": 0.5, "at once": 0.22, "period": 0.28})
        if way == "at once" and self.plan.months <= 1:
            self.end(requested_at, reason, cancel_requested_at=requested_at)
            return
        self.ended_at = end
        known: Row = {"cancel_requested_at": requested_at, "cancel_reason": reason}
        if way == "period" or end >= AS_OF:
            self.record(requested_at, status="canceled", current_period_ends_at=end, **known)
            return
        self.record(requested_at, ended_at=end, **known)
        if self.dice.chance(0.5):
            self.record(end, status="canceled")

    def miss_payment(self, moment: datetime) -> bool:
        """Go past due; return whether the payment came in the end."""
        self.record(moment, status="past_due")
        if self.dice.chance(0.62):
            self.record(moment + timedelta(days=self.dice.between(1, 11)), status="active")
            return True
        given_up_at = moment + timedelta(days=14)
        if self.dice.chance(0.15):
            self.record(given_up_at, status="unpaid")
            given_up_at += timedelta(days=self.dice.between(10, 40))
        self.end(given_up_at, self.dice.pick(FAILURE_REASONS))
        return False

    def pause(self, moment: datetime) -> bool:
        """Pause for one to three months; return whether the customer came back."""
        self.record(moment, status="paused")
        back_at = add_months(moment, self.dice.between(1, 3))
        if self.dice.chance(0.75):
            self.anchor, self.period = back_at, -1  # the caller moves on to period 0
            self.record(back_at, status="active", current_period_ends_at=self.boundary(1))
            return back_at < AS_OF
        self.left_voluntarily = True
        self.end(back_at, self.dice.pick(VOLUNTARY_REASONS), cancel_requested_at=back_at)
        return False

    def change(self, moment: datetime) -> None:
        """Change the quantity or the plan."""
        name = self.dice.pick(PLAN_CHANGES[self.plan_name])
        if name != self.plan_name:
            self.set_plan(name, moment)
        elif name == "office":
            step = self.dice.pick({-2: 1, -1: 2, 1: 3, 2: 2, 3: 1})
            low, high = 2, 12
            self.quantity = min(max(self.quantity + step, low), high)
        else:
            self.quantity = 1 if self.quantity > 1 else 2
        self.record(moment)

    def open(self) -> bool:
        """Record the start; return whether the customer stays after a trial, if there is one."""
        started_at = self.anchor
        dice = self.dice
        if self.plan_name != "free-taster" and dice.chance(0.16):
            self.discount_rate = dice.pick({0.1: 2, 0.2: 3, 0.25: 1})
            self.discounted_periods = dice.pick({3: 2, 6: 1, 10**6: 2})
        has_trial = self.plan_name in ("bean-club", "espresso-weekly") and dice.chance(0.28)
        if not has_trial:
            self.record(started_at)
            return True
        trial_end = started_at + timedelta(days=14)
        self.record(
            started_at,
            status="trialing",
            trial_ends_at=trial_end,
            current_period_ends_at=trial_end,
        )
        self.anchor = trial_end
        if dice.chance(0.24):
            requested_at = started_at + timedelta(days=dice.between(1, 13))
            self.end(trial_end, "", cancel_requested_at=requested_at)
            return False
        self.record(trial_end, status="active")
        return True

    def live(self) -> None:
        """Live from the start to the end, or to the end of the data, period by period."""
        dice = self.dice
        stays = self.open()
        while stays:
            begin, end = self.boundary(self.period), self.boundary(self.period + 1)
            if begin >= AS_OF:
                return
            length = end - begin
            if dice.chance(self.hazard):
                back = min(length * 0.85, timedelta(days=40)) * dice.unit()
                requested_at = (end - back).replace(microsecond=0)
                if requested_at < AS_OF:
                    self.leave(requested_at, end)
                return
            monthly_change = 0.3 if self.plan_name == "free-taster" else 0.022
            if dice.chance(1.0 - (1.0 - monthly_change) ** self.plan.months):
                moment = (begin + length * (0.05 + 0.9 * dice.unit())).replace(microsecond=0)
                before = self.plan_name
                self.change(moment)
                if self.plan_name != before:
                    continue
            if end >= AS_OF:
                return
            if self.period + 1 == self.discounted_periods and self.discount_rate:
                self.discount_rate = 0.0
                self.period += 1
                self.record(end)
                self.period -= 1
            is_free = self.plan_name == "free-taster"
            if not is_free and dice.chance(0.03 * min(self.plan.months, 2.0)):
                stays = self.miss_payment(end)
            elif not is_free and self.plan.months <= 1 and dice.chance(0.013 * self.plan.months):
                stays = self.pause(end)
            self.period += 1


def subscriptions_of(shopper: Shopper, first: datetime) -> list[Row]:
    """Return all subscription rows of one customer: one life, perhaps a second beside or after."""
    dice = Dice(shopper.customer_id, "subscriptions")
    shares = {name: plan.share for name, plan in PLANS.items()}
    lives = [
        Subscription(dice, shopper, f"s-{shopper.customer_id[2:]}-1", first, dice.pick(shares))
    ]
    lives[0].live()
    while len(lives) < 3:
        last = lives[-1]
        key = f"s-{shopper.customer_id[2:]}-{len(lives) + 1}"
        if last.ended_at and last.left_voluntarily and dice.chance(0.17):
            started_at = last.ended_at + timedelta(days=20.0 + int(dice.exponential(90.0)))
            plan = dice.pick({"bean-club": 3, "espresso-weekly": 1, "discovery": 1})
        elif len(lives) == 1 and dice.chance(0.05):
            started_at = first + timedelta(
                days=dice.between(20, 300), seconds=dice.between(0, 9999)
            )
            plan = dice.pick({"espresso-weekly": 2, "bean-club": 1, "discovery": 1})
        else:
            break
        if started_at >= AS_OF:
            break
        lives.append(Subscription(dice, shopper, key, started_at, plan))
        lives[-1].live()
    return [row for life in lives for row in life.rows]


# --- Hard cases ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A hand-written customer. `note` says what a correct report shows."""

    customer_id: str
    note: str
    orders: Sequence[Row] = ()
    refunds: Sequence[Row] = ()
    subscriptions: Sequence[Row] = ()
    country: str = "US"
    channel: str = "organic"


def buy(order_id: str, moment: str, amount: str) -> Row:
    """Return one order of a case, last updated two days later."""
    return {
        "order_id": order_id,
        "ordered_at": at(moment),
        "amount": money(amount),
        "currency": "USD",
        "status": "fulfilled",
        "discount_amount": money(0),
        "tax_amount": money(0),
        "shipping_amount": money(0),
        "is_test": False,
        "channel": "web",
        "updated_at": not_after_the_end(datetime.fromisoformat(moment) + timedelta(days=2)),
    }


def give_back(refund_id: str, order_id: str, moment: str, amount: str) -> Row:
    """Return one refund of a case."""
    return {
        "refund_id": refund_id,
        "order_id": order_id,
        "refunded_at": at(moment),
        "amount": money(amount),
        "currency": "USD",
    }


def since(moment: str, **changes: str | int) -> Row:
    """Return what is different from this moment on; delivered at once unless it says otherwise."""
    return {"effective_at": moment, "updated_at": moment} | changes


def until(moment: str) -> Row:
    """Return the end of a subscription, delivered when it comes."""
    return since(moment, status="canceled", ended_at=moment)


def life(key: str, started_at: str, amount: str, *changes: Row, **first: str | int) -> list[Row]:
    """Return the versions of one subscription: its first state and every change to it."""
    state: Row = {
        "subscription_id": key,
        "plan_id": "bean-club",
        "status": "active",
        "started_at": started_at,
        "amount": amount,
        "billing_interval": "month",
        "interval_count": 1,
        "quantity": 1,
        "discount_amount": money(0),
        "currency": "USD",
        "is_test": False,
    }
    versions: list[Row] = []
    for change in (since(started_at, **first), *changes):
        state = state | change
        version = {
            column: at(value) if column.endswith("_at") and isinstance(value, str) else value
            for column, value in state.items()
        }
        versions.append(version | {"amount": money(str(state["amount"]))})
    return versions


HARD_CASES = [
    Case(
        "case-mid-month-upgrade",
        "May 2024: expansion 24, opening 24, closing 48; no churn, no new.",
        subscriptions=life(
            "s-case-upgrade",
            "2024-03-05 10:00:00",
            "24",
            since("2024-05-17 09:30:00", quantity=2, updated_at="2024-05-17 12:00:00"),
        ),
    ),
    Case(
        "case-overlapping-subscriptions",
        "One spell from 10 June 2023. September 2023: expansion 54. February 2024: contraction 24.",
        subscriptions=[
            *life("s-case-overlap-1", "2023-06-10 08:00:00", "24", until("2024-02-10 08:00:00")),
            *life("s-case-overlap-2", "2023-09-01 00:00:00", "18", plan_id="office", quantity=3),
        ],
    ),
    Case(
        "case-gap-and-return",
        "Two spells. July 2023: churn 24. November 2023: reactivation 24. Nothing in between.",
        subscriptions=[
            *life("s-case-gap-1", "2023-03-15 09:00:00", "24", until("2023-07-15 09:00:00")),
            *life("s-case-gap-2", "2023-11-02 18:20:00", "24"),
        ],
    ),
    Case(
        "case-annual-plan",
        "MRR 20 at every month end from January 2024 on, not 240 once a year.",
        subscriptions=life(
            "s-case-annual",
            "2024-01-20 12:00:00",
            "240",
            plan_id="bean-club-year",
            billing_interval="year",
            current_period_ends_at="2025-01-20 12:00:00",
        ),
    ),
    Case(
        "case-back-dated-change",
        "Told in August 2025, true since 10 April 2024: expansion 48 in April 2024.",
        subscriptions=life(
            "s-case-back-dated",
            "2024-02-01 07:15:00",
            "24",
            since("2024-04-10 00:00:00", quantity=3, updated_at="2025-08-20 11:05:00"),
        ),
    ),
    Case(
        "case-change-after-close",
        "Delivered on 4 July 2025 in the next file: the expansion of 24 belongs to June 2025.",
        subscriptions=life(
            "s-case-after-close",
            "2025-02-11 16:45:00",
            "24",
            since("2025-06-29 13:00:00", quantity=2, updated_at="2025-07-04 08:00:00"),
        ),
    ),
    Case(
        "case-open-ended",
        "The oldest subscription of all has no end: 24 at every month end, one spell, still open.",
        subscriptions=life("s-case-open-ended", "2023-01-09 00:00:00", "24"),
    ),
    Case(
        "case-reactivation",
        "Month ends from January 2024: 100, 0, 0, 0, 80. May is a reactivation, not an expansion.",
        subscriptions=[
            *life("s-case-back-1", "2024-01-08 10:00:00", "100", until("2024-02-05 10:00:00")),
            *life("s-case-back-2", "2024-05-10 10:00:00", "80"),
        ],
    ),
    Case(
        "case-churn",
        "Month ends from January 2024: 100, 0. February is a churn, not a contraction.",
        subscriptions=life(
            "s-case-churn", "2024-01-08 10:00:00", "100", until("2024-02-12 10:00:00")
        ),
    ),
    Case(
        "case-timezone-boundary",
        "February 2024 in UTC, 31 January in New York: order, cohort and new MRR alike.",
        orders=[buy("o-case-timezone", "2024-02-01 02:00:00", "31.50")],
        subscriptions=life("s-case-timezone", "2024-02-01 02:00:00", "24"),
    ),
    Case(
        "case-day-31",
        "Monthly from 31 January 2024, gone on 31 May: the event falls in month 4, not 5.",
        subscriptions=life(
            "s-case-day-31", "2024-01-31 00:00:00", "24", until("2024-05-31 00:00:00")
        ),
    ),
    Case(
        "case-leap-day",
        "Yearly from 29 February 2024; its year is over on 28 February 2025: month 12.",
        orders=[
            buy("o-case-leap-1", "2024-02-29 23:59:59", "18.00"),
            buy("o-case-leap-2", "2025-02-28 10:00:00", "18.00"),
        ],
        subscriptions=life(
            "s-case-leap",
            "2024-02-29 00:00:00",
            "240",
            since("2025-02-28 00:00:00", status="expired"),
            plan_id="bean-club-year",
            billing_interval="year",
            current_period_ends_at="2025-02-28 00:00:00",
        ),
    ),
    Case(
        "case-zero-amount-plan",
        "Pays nothing until June 2024, so June is new 24 and the spell begins on 1 June.",
        subscriptions=life(
            "s-case-zero",
            "2024-04-01 09:00:00",
            "0",
            since("2024-06-01 09:00:00", amount="24", plan_id="bean-club"),
            plan_id="free-taster",
        ),
    ),
    Case(
        "case-never-pays",
        "A free plan only: no MRR, no spell, and no churn when it ends.",
        subscriptions=life(
            "s-case-never-pays",
            "2024-03-11 09:00:00",
            "0",
            until("2024-09-11 09:00:00"),
            plan_id="free-taster",
        ),
    ),
    Case(
        "case-currency-change",
        "24 USD, then 24 EUR: September 2024 shows the difference at that day's rate, once.",
        country="DE",
        subscriptions=life(
            "s-case-currency",
            "2024-01-15 11:00:00",
            "24",
            since("2024-09-15 11:00:00", currency="EUR"),
        ),
    ),
    Case(
        "case-end-a-second-before",
        "Renewed in mid-month with a second between the versions: no churn, no reactivation.",
        subscriptions=life(
            "s-case-second-1",
            "2024-02-15 00:00:00",
            "24",
            since("2024-05-15 00:00:00", ended_at=""),
            ended_at="2024-05-14 23:59:59",
        ),
    ),
    Case(
        "case-end-a-second-before-month",
        "The same at a month end: the missing second is a way of writing an end, not a churn.",
        subscriptions=life(
            "s-case-second-2",
            "2024-02-01 00:00:00",
            "24",
            since("2024-06-01 00:00:00", ended_at=""),
            ended_at="2024-05-31 23:59:59",
        ),
    ),
    Case(
        "case-plan-swap",
        "One ends at the moment the other starts. August 2024: expansion 12, one spell.",
        subscriptions=[
            *life("s-case-swap-1", "2024-01-20 10:00:00", "24", until("2024-08-20 10:00:00")),
            *life("s-case-swap-2", "2024-08-20 10:00:00", "18", plan_id="office", quantity=2),
        ],
    ),
    Case(
        "case-between-month-ends",
        "Joins and leaves inside October 2024: in no base, counted as short-lived.",
        subscriptions=life(
            "s-case-between", "2024-10-04 14:00:00", "24", until("2024-10-25 14:00:00")
        ),
    ),
    Case(
        "case-refund-in-a-later-month",
        "80 in November 2024, 30 back in December: the order nets 50, December shows -30.",
        orders=[buy("o-case-refund", "2024-11-28 19:12:00", "80")],
        refunds=[give_back("r-case-refund", "o-case-refund", "2024-12-09 10:30:00", "30")],
    ),
    Case(
        "case-two-orders-on-one-day",
        "Three orders, two purchase days, 52 days apart: x = 1.",
        orders=[
            buy("o-case-same-day-1", "2024-05-11 09:12:00", "22.40"),
            buy("o-case-same-day-2", "2024-05-11 17:40:00", "14.90"),
            buy("o-case-same-day-3", "2024-07-02 12:05:00", "26.00"),
        ],
    ),
    Case(
        "case-cancelled-but-still-buys",
        "Lost as a subscriber in June 2024, never lost on the basis 'any'. Buys on the last day.",
        orders=[
            buy("o-case-still-buys-1", "2024-05-20 15:30:00", "27.50"),
            buy("o-case-still-buys-2", "2024-08-02 15:30:00", "27.50"),
            buy("o-case-still-buys-3", "2024-10-14 15:30:00", "27.50"),
            buy("o-case-still-buys-4", "2024-12-20 15:30:00", "27.50"),
            buy("o-case-still-buys-5", "2025-03-05 15:30:00", "27.50"),
            buy("o-case-still-buys-6", "2025-05-19 15:30:00", "27.50"),
            buy("o-case-still-buys-7", "2025-07-28 15:30:00", "27.50"),
            buy("o-case-still-buys-8", "2025-10-10 15:30:00", "27.50"),
            buy("o-case-still-buys-9", "2025-12-17 15:30:00", "27.50"),
        ],
        subscriptions=life(
            "s-case-still-buys", "2024-01-12 10:00:00", "24", until("2024-06-12 10:00:00")
        ),
    ),
    Case(
        "case-cancel-in-june",
        "Signs up on 15 April, cancels on 8 June, paid until 15 June: churn is dated 15 June.",
        subscriptions=life(
            "s-case-june",
            "2024-04-15 00:00:00",
            "24",
            since(
                "2024-06-08 16:00:00",
                cancel_requested_at="2024-06-08 16:00:00",
                ended_at="2024-06-15 00:00:00",
                cancel_reason="too expensive",
            ),
        ),
    ),
    Case(
        "case-gold-plan",
        "New 166.67, expansion 60, contraction 60, churn 166.67, reactivation 150.",
        channel="referral",
        subscriptions=[
            *life(
                "s-case-gold-1",
                "2023-05-03 10:00:00",
                "2000",
                until("2024-05-03 10:00:00") | {"cancel_reason": "moving"},
                plan_id="gold",
                billing_interval="year",
            ),
            *life("s-case-gold-2", "2023-09-14 10:00:00", "30", until("2024-01-14 10:00:00")),
            *life("s-case-gold-3", "2023-09-14 10:05:00", "30", until("2024-01-14 10:05:00")),
            *life("s-case-gold-4", "2024-08-07 10:00:00", "150", plan_id="gold-monthly"),
        ],
    ),
    Case(
        "case-pause-and-return",
        "Paused over the ends of March and April 2025: March churn 24, May reactivation 24.",
        subscriptions=life(
            "s-case-pause",
            "2024-11-19 10:00:00",
            "24",
            since("2025-03-19 10:00:00", status="paused"),
            since("2025-05-19 10:00:00", status="active"),
        ),
    ),
    Case(
        "case-trial-across-month-end",
        "On trial at the end of July 2025, pays from 6 August: August is new 24.",
        subscriptions=life(
            "s-case-trial",
            "2025-07-23 10:00:00",
            "24",
            since("2025-08-06 10:00:00", status="active"),
            status="trialing",
            trial_ends_at="2025-08-06 10:00:00",
        ),
    ),
    Case(
        "case-past-due-until-the-end",
        "Past due from 10 August 2025, ended on the 24th: involuntary churn, without a reason.",
        subscriptions=life(
            "s-case-past-due",
            "2025-03-10 10:00:00",
            "24",
            since("2025-08-10 10:00:00", status="past_due"),
            until("2025-08-24 10:00:00"),
        ),
    ),
    Case(
        "case-set-to-end",
        "A contract that is set to end in 2031: in MRR, not in committed MRR; does not move as_of.",
        subscriptions=life(
            "s-case-set-to-end",
            "2024-06-30 10:00:00",
            "18",
            since(
                "2025-11-20 10:00:00",
                cancel_requested_at="2025-11-20 10:00:00",
                ended_at="2031-06-30 10:00:00",
                cancel_reason="moving",
            ),
            plan_id="office",
            quantity=12,
        ),
    ),
    Case(
        "case-canceled-set-to-end",
        "Canceled, but paid until 2031: a status alone ends nothing that `ended_at` dates.",
        subscriptions=life(
            "s-case-canceled-2031",
            "2025-01-31 10:00:00",
            "18",
            since(
                "2025-10-06 10:00:00",
                status="canceled",
                cancel_requested_at="2025-10-06 10:00:00",
                ended_at="2031-01-31 10:00:00",
                cancel_reason="too expensive",
            ),
            plan_id="office",
            quantity=4,
        ),
    ),
    Case(
        "case-canceled-period-running",
        "Status canceled without `ended_at`: pays until the period ends in March 2026.",
        subscriptions=life(
            "s-case-period-running",
            "2025-03-05 10:00:00",
            "240",
            since(
                "2025-12-01 10:00:00",
                status="canceled",
                cancel_requested_at="2025-12-01 10:00:00",
                cancel_reason="too much coffee",
            ),
            plan_id="bean-club-year",
            billing_interval="year",
            current_period_ends_at="2026-03-05 10:00:00",
        ),
    ),
    Case(
        "case-test-subscription",
        "Somebody tries the checkout: in no metric.",
        subscriptions=life("s-case-test", "2024-08-05 10:00:00", "24", is_test=True),
    ),
    Case(
        "case-lapse-after-90-days",
        "One order on 1 January 2025: active at the end of March, lost in April.",
        orders=[buy("o-case-lapse", "2025-01-01 10:00:00", "42.00")],
    ),
    Case(
        "case-moved-country",
        "Moved from the US to Britain in 2024; the older address of FAULTS is no news.",
        orders=[buy("o-case-moved", "2023-05-06 10:00:00", "36.00")],
    ),
    Case(
        "case-late-older-version",
        "Fulfilled; the older state of FAULTS, cancelled, is superseded.",
        orders=[buy("o-case-late-older", "2025-04-11 10:00:00", "25.00")],
    ),
    Case(
        "case-newest-version-rejected",
        "The newer version of FAULTS cannot be read: 12.00 stands, and that is reported.",
        orders=[buy("o-case-newest-rejected", "2025-04-28 10:00:00", "12.00")],
    ),
]


# --- Faults: what a delivery looks like on a bad day --------------------------------------------

# One file per table, word for word.
FAULTS = {
    "orders": """\
order_id,customer_id,ordered_at,amount,currency,status,channel,updated_at
o-fault-late,case-refund-in-a-later-month,2024-11-29T11:03:00Z,21.00,USD,fulfilled,web,2025-06-12T06:00:00Z
o-case-late-older,case-late-older-version,2025-04-11T10:00:00Z,25.00,USD,cancelled,web,2025-04-11T10:05:00Z
o-case-newest-rejected,case-newest-version-rejected,2025-04-28T10:00:00Z,"12,50",USD,fulfilled,web,2025-06-12T06:00:00Z
o-fault-date,fault-date,31/12/2024,19.00,USD,fulfilled,web,2025-06-12T06:00:00Z
,fault-no-order-id,2025-05-30T09:41:00Z,33.00,USD,fulfilled,web,2025-06-12T06:00:00Z
o-fault-currency,fault-currency,2025-05-31T12:00:00Z,28.00,XXX,fulfilled,web,2025-06-12T06:00:00Z
o-fault-future,fault-future,2031-01-01T00:00:00Z,45.00,USD,paid,web,2025-06-12T06:00:00Z
""",
    "refunds": """\
refund_id,order_id,refunded_at,amount,currency
r-fault-orphan,o-fault-no-such-order,2025-05-20T10:00:00Z,15.00,USD
r-fault-late,o-fault-late,2024-12-15T10:00:00Z,5.00,USD
""",
    "customers": """\
customer_id,signed_up_at,email,country,acquisition_channel,updated_at
case-moved-country,2023-05-06T10:00:00Z,case-moved-country@example.com,CA,organic,2023-09-01T08:00:00Z
,2025-05-29T10:00:00Z,fault-no-customer-id@example.com,US,email,2025-05-29T10:00:00Z
""",
    "subscriptions": """\
subscription_id,customer_id,plan_id,status,started_at,amount,billing_interval,quantity,currency,ended_at,effective_at,updated_at
s-fault-fortnight,fault-fortnight,bean-club,active,2025-05-02T10:00:00Z,13.00,fortnight,1,USD,,2025-05-02T10:00:00Z,2025-06-12T06:00:00Z
s-fault-ends-first,fault-ends-first,bean-club,canceled,2025-05-10T10:00:00Z,24.00,month,1,USD,2025-04-10T10:00:00Z,2025-05-10T10:00:00Z,2025-06-12T06:00:00Z
s-case-upgrade,case-mid-month-upgrade,bean-club,active,2024-03-05T10:00:00Z,24.00,month,5,USD,,2024-05-17T09:30:00Z,2024-05-17T09:31:00Z
""",
    "marketing_spend": """\
spend_date,channel,amount,currency
2025-05-28,referral,150.00,USD
2025-02-30,email,40.00,USD
""",
}  # fmt: skip

# What becomes of each row of FAULTS, in their order: the column for which it is rejected, or
# READABLE, and then it is a version like any other.
READABLE = ""
FAULT_COLUMNS = {
    "orders": [
        READABLE,  # o-fault-late: late, but valid
        READABLE,  # o-case-late-older: superseded, older than the version in 2025-q2.csv
        "amount",  # o-case-newest-rejected: a comma in the amount; the older version stands
        "ordered_at",  # o-fault-date: not a date of the contract
        "order_id",  # the key is missing
        "currency",  # o-fault-currency: a currency without a rate
        READABLE,  # o-fault-future: accepted, not counted, for it is after as_of
    ],
    "refunds": [
        READABLE,  # r-fault-orphan: not counted, there is no such order
        READABLE,  # r-fault-late: late, but valid; its order is late too
    ],
    "customers": [
        READABLE,  # case-moved-country: superseded, older than the version in 2024.csv
        "customer_id",  # the key is missing
    ],
    "subscriptions": [
        "billing_interval",  # s-fault-fortnight: unknown interval
        "ended_at",  # s-fault-ends-first: ends before it starts
        READABLE,  # s-case-upgrade: superseded, older than the version in 2024.csv.gz
    ],
    "marketing_spend": [
        READABLE,  # 2025-05-28: late, but valid
        "spend_date",  # 2025-02-30: no such day
    ],
}


def readable_faults(table: str) -> Iterable[Row]:
    """Yield the rows of FAULTS that are not rejected, as if they had been made here."""
    lines = csv.DictReader(FAULTS[table].splitlines())
    for line, column_at_fault in zip(lines, FAULT_COLUMNS[table], strict=True):
        if column_at_fault == READABLE:
            row: Row = {column: value or None for column, value in line.items()}
            row |= {
                column: at(value.removesuffix("Z"))
                for column, value in line.items()
                if column.endswith("_at")
            }
            yield row | ({"amount": money(line["amount"])} if "amount" in line else {})


# --- Customers and marketing --------------------------------------------------------------------


def customer_rows(people: list[Shopper], first_seen: dict[str, datetime]) -> list[Row]:
    """Return the customers, some of them again after they moved or changed their address."""
    rows: list[Row] = []
    for person in people:
        dice = Dice(person.customer_id, "record")
        seen = first_seen.get(person.customer_id) or clock(dice, person.arrived_on)
        signed_up_at = max(
            seen - timedelta(minutes=dice.between(1, 30)),
            datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day),
        )
        if person.channel == "marketplace" and dice.chance(0.05):
            continue  # the marketplace did not hand over the address
        row: Row = {
            "customer_id": person.customer_id,
            "signed_up_at": None if dice.chance(0.01) else signed_up_at,
            "email": f"{person.customer_id}@example.com",
            "country": person.country,
            "acquisition_channel": person.channel,
            "referred_by_customer_id": person.referred_by,
            "utm_campaign": dice.pick({"": 6, "spring-roast": 2, "podcast": 1, "new-year": 1}),
            "updated_at": signed_up_at,
        }
        rows.append(row)
        if dice.chance(0.07):
            changed_at = signed_up_at + timedelta(seconds=int(dice.exponential(250.0) * 86400.0))
            if changed_at < AS_OF:
                moved = {"country": dice.pick(COUNTRIES)}
                wrote = {"email": f"{person.customer_id}.new@example.com"}
                rows.append(
                    row | (moved if dice.chance(0.4) else wrote) | {"updated_at": changed_at}
                )
    for case in HARD_CASES:
        moments = [row["ordered_at"] for row in case.orders]
        moments += [row["started_at"] for row in case.subscriptions]
        signed_up_at = min(moment for moment in moments if isinstance(moment, datetime))
        row = {
            "customer_id": case.customer_id,
            "signed_up_at": signed_up_at,
            "email": f"{case.customer_id}@example.com",
            "country": case.country,
            "acquisition_channel": case.channel,
            "referred_by_customer_id": None,
            "utm_campaign": "",
            "updated_at": signed_up_at,
        }
        rows.append(row)
        if case.customer_id == "case-moved-country":
            rows.append(row | {"country": "GB", "updated_at": at("2024-07-01 08:00:00")})
    return rows


def spend_rows() -> list[Row]:
    """Return what each channel cost, a row per week and paid channel."""
    dice = Dice("spend")
    weekly_customers = CUSTOMERS / (DAYS / 7.0)
    rows: list[Row] = []
    for day in range(0, DAYS, 7):
        spend_date = FIRST_DAY + timedelta(days=day)
        growth = (1.0 + 0.28 * day / 365.0) / (1.0 + 0.28 * DAYS / 730.0)
        for name, channel in CHANNELS.items():
            if channel.cost_per_customer == 0.0:
                continue
            expected = weekly_customers * channel.share * growth * season(spend_date)
            amount = expected * channel.cost_per_customer * (0.8 + 0.4 * dice.unit())
            rows.append(
                {
                    "spend_date": spend_date,
                    "channel": name,
                    "amount": money(round(amount, 2)),
                    "currency": "EUR" if name == "marketplace" else "USD",
                }
            )
    return rows


# --- Files --------------------------------------------------------------------------------------


def iso(moment: datetime) -> str:
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
    moment_text: Callable[[datetime], str] = iso,
) -> None:
    """Write a CSV file, compressed if its name ends in .gz."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([text(row.get(column), moment_text) for column in columns])
    content = buffer.getvalue().encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    path.write_bytes(content)


def write_parquet(path: Path, types: dict[str, str], rows: Sequence[Row]) -> None:
    """Write a Parquet file with native types."""
    values = {column: [row.get(column) for row in rows] for column in types}
    select = ", ".join(f"unnest(?::{kind}[]) as {column}" for column, kind in types.items())
    target = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        connection.execute(f"create table rows as select {select}", list(values.values()))
        connection.execute(f"copy rows to '{target}' (format parquet, compression zstd)")


ORDER_TYPES = {
    column: {
        "ordered_at": "TIMESTAMP",
        "updated_at": "TIMESTAMP",
        "is_test": "BOOLEAN",
    }.get(column, "DECIMAL(12, 2)" if column.endswith("amount") else "VARCHAR")
    for column in ORDER_COLUMNS
}
SPEND_TYPES = {
    "spend_date": "DATE",
    "channel": "VARCHAR",
    "amount": "DECIMAL(12, 2)",
    "currency": "VARCHAR",
}


def moment_of(row: Row, *columns: str) -> datetime:
    """Return the first of these columns that is filled."""
    return next(value for column in columns if isinstance(value := row.get(column), datetime))


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


def write_orders(folder: Path, orders: list[Order]) -> list[Row]:
    """Write the orders: one file per till, shop or period, in the formats these speak.

    Returns the rows as the files tell them.
    """
    files: dict[str, list[Row]] = {}
    for item in orders:
        row = item.row
        channel, final_at = row["channel"], moment_of(row, "updated_at")
        final_file = order_file(item.country, channel, final_at)
        if item.seen_before and item.seen_before < final_at:
            early_file = order_file(item.country, channel, item.seen_before)
            if early_file != final_file:  # delivered as paid, and again when its state changed
                early = row | {"status": "paid", "updated_at": item.seen_before}
                files.setdefault(early_file, []).append(early)
        files.setdefault(final_file, []).append(row)
    for name in sorted(files):
        rows = sorted(
            files[name], key=lambda row: (moment_of(row, "updated_at"), str(row["order_id"]))
        )
        if name.endswith(".parquet"):
            write_parquet(folder / name, ORDER_TYPES, rows)
        elif name == "2023-stores.csv":
            columns = [c for c in ORDER_COLUMNS if c not in ("shipping_amount", "is_test")]
            write_csv(folder / name, columns, rows, day_only)
            files[name] = [as_the_stores_tell_it(row, columns) for row in rows]
        elif name == "2025-eu-shop.csv":
            write_csv(folder / name, ORDER_COLUMNS, rows, central_european)
        else:
            write_csv(folder / name, ORDER_COLUMNS, rows)
    # The same file again under another name: every row of it is superseded.
    (folder / "2024-12-till-again.csv").write_bytes((folder / "2024-12-till.csv").read_bytes())
    files["2024-12-till-again.csv"] = files["2024-12-till.csv"]
    return [row for rows in files.values() for row in rows]


def as_the_stores_tell_it(row: Row, columns: Sequence[str]) -> Row:
    """Return an order as a file without these columns and without times of day tells it."""
    midnight = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    return {
        column: value.replace(**midnight) if isinstance(value := row[column], datetime) else value
        for column in columns
    }


SNAPSHOT_DAY = datetime(2023, 4, 1)


def subscription_file(row: Row) -> str:
    """Return the name of the file that delivers this version of a subscription."""
    delivered_at = row.get("updated_at")
    if not isinstance(delivered_at, datetime):
        return "export-2023-04-01.csv"
    if delivered_at.year == 2025:
        return "2025-h1.csv" if delivered_at.month <= 6 else "2025-h2.csv"
    return "2023.csv" if delivered_at.year == 2023 else "2024.csv.gz"


def write_subscriptions(folder: Path, rows: list[Row]) -> list[Row]:
    """Write the subscriptions by day of delivery; the first file is an export without times.

    Returns the rows with the effective moments that follow from the files.
    """
    early: dict[Value, int] = {}
    for row in rows:
        if moment_of(row, "effective_at", "updated_at") <= SNAPSHOT_DAY:
            early[row["subscription_id"]] = early.get(row["subscription_id"], 0) + 1
    for row in rows:
        # An undated export can only hold what had one state so far: the day in the name of the
        # file is the effective moment of its rows, and the earliest row counts from the start.
        is_first = row.get("effective_at") == row["started_at"]
        if (
            is_first
            and early.get(row["subscription_id"]) == 1
            and str(row["subscription_id"]).startswith("s-0")
        ):
            row["effective_at"] = row["updated_at"] = None
    files: dict[str, list[Row]] = {}
    for row in rows:
        files.setdefault(subscription_file(row), []).append(row)
    for name in sorted(files):
        columns = SUBSCRIPTION_COLUMNS
        if name.startswith("export-"):
            columns = [c for c in columns if c not in ("effective_at", "updated_at")]
        ordered = sorted(
            files[name],
            key=lambda row: (moment_of(row, "updated_at", "started_at"), row["subscription_id"]),
        )
        write_csv(folder / name, columns, ordered)
    return [
        dict.fromkeys(SUBSCRIPTION_COLUMNS)
        | row
        | {"effective_at": row.get("effective_at") or row.get("updated_at") or SNAPSHOT_DAY}
        for row in rows
    ]


def write_customers(folder: Path, rows: list[Row]) -> None:
    """Write the customers by year of the change; the last file has a column of its own."""
    for year, name in ((2023, "2023.csv.gz"), (2024, "2024.csv"), (2025, "2025.csv")):
        of_year = [row for row in rows if moment_of(row, "updated_at").year == year]
        of_year.sort(key=lambda row: (moment_of(row, "updated_at"), str(row["customer_id"])))
        extra = ["utm_campaign"] if year == 2025 else []
        write_csv(folder / name, CUSTOMER_COLUMNS + extra, of_year)


def generate(folder: Path) -> None:
    """Write the whole sample into this folder, a folder per table, and the truth beside it."""
    people = shoppers()
    orders: list[Order] = guest_orders()
    subscriptions: list[Row] = []
    first_seen: dict[str, datetime] = {}
    for person in people:
        dice = Dice(person.customer_id, "beginning")
        order_day = subscription_day = float(person.arrived_on)
        if person.kind == "both":
            if dice.chance(0.65):
                subscription_day += dice.exponential(80.0)
            else:
                order_day += dice.exponential(45.0)
        moments: list[datetime] = []
        if person.kind in ("orders", "both") and order_day < DAYS:
            theirs = orders_of(person, order_day)
            orders += theirs
            moments += [moment_of(item.row, "ordered_at") for item in theirs]
        if person.kind in ("subscriptions", "both") and subscription_day < DAYS:
            started_at = clock(dice, subscription_day)
            subscriptions += subscriptions_of(person, started_at)
            moments.append(started_at)
        if moments:
            first_seen[person.customer_id] = min(moments)

    orders.sort(
        key=lambda item: (moment_of(item.row, "ordered_at"), str(item.row["customer_id"] or ""))
    )
    refunds: list[Row] = []
    for number, item in enumerate(orders, start=1):
        item.row["order_id"] = f"o-{number:06d}"
        for refunded_at, amount in item.refunds:
            refunds.append(
                {
                    "refund_id": f"r-{number:06d}",
                    "order_id": item.row["order_id"],
                    "refunded_at": refunded_at,
                    "amount": amount,
                    "currency": item.row["currency"],
                }
            )
    for case in HARD_CASES:
        own: Row = {"customer_id": case.customer_id}
        orders += [Order(row | own, case.country) for row in case.orders]
        refunds += case.refunds
        subscriptions += [row | own for row in case.subscriptions]

    tables = {name: folder / name for name in FAULTS}
    for path in tables.values():
        path.mkdir(parents=True, exist_ok=True)
    customers = customer_rows(people, first_seen)
    write_customers(tables["customers"], customers)
    delivered = {
        "orders": write_orders(tables["orders"], orders),
        "subscriptions": write_subscriptions(tables["subscriptions"], subscriptions),
        "customers": customers,
    }
    refunds.sort(key=lambda row: (moment_of(row, "refunded_at"), str(row["refund_id"])))
    spend = spend_rows()
    for year in (2023, 2024, 2025):
        of_year = [row for row in refunds if moment_of(row, "refunded_at").year == year]
        write_csv(tables["refunds"] / f"{year}.csv", REFUND_COLUMNS, of_year)
        of_year = [row for row in spend if str(row["spend_date"]).startswith(str(year))]
        if year == 2024:
            write_parquet(tables["marketing_spend"] / f"{year}.parquet", SPEND_TYPES, of_year)
        else:
            write_csv(tables["marketing_spend"] / f"{year}.csv", SPEND_COLUMNS, of_year)
    delivered |= {"refunds": refunds, "marketing_spend": spend}
    rejected: Counter[tuple[str, str]] = Counter()
    for name, content in FAULTS.items():
        (tables[name] / "2025-06-late-and-faulty.csv").write_bytes(content.encode())
        delivered[name] = [*delivered[name], *readable_faults(name)]
        rejected.update((name, column) for column in FAULT_COLUMNS[name] if column != READABLE)
    truth = folder.with_name(f"{folder.name}_truth")
    write_truth(truth, delivered, rejected, EXCHANGE_RATES, AS_OF)


def main() -> None:
    """Read the command line and write the sample."""
    parser = argparse.ArgumentParser(description="Write the sample shop's raw files.")
    default = Path(__file__).resolve().parent / "sample"
    parser.add_argument("folder", nargs="?", type=Path, default=default)
    generate(parser.parse_args().folder)


if __name__ == "__main__":
    main()
