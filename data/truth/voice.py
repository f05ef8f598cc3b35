"""What customers said in surveys, complaints and tickets, and what became of their carts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from truth.money import Rates, cents
from truth.months import month_of
from truth.rows import CountedRows, Row

Answer = tuple[Sequence[str], Iterable[Sequence[Any]]]
# None stands for all time.
Period = date | None

HEARD_DAYS = 7
CART_TIME, RECOVERY_TIME = timedelta(hours=24), timedelta(days=7)


class Voice:
    """The answers about feedback, tickets and carts."""

    def __init__(self, rows: CountedRows, rates: Rates, customers: Iterable[str]) -> None:
        """Note when customers bought, and keep count of rows whose customer nobody knows."""
        self.rows, self.rates, self.as_of = rows, rates, rows.as_of
        self.purchases: defaultdict[str, list[datetime]] = defaultdict(list)
        for row in rows.orders.values():
            if row["customer_id"] and not row.get("subscription_id"):
                self.purchases[row["customer_id"]].append(row["ordered_at"])
        known = {None, *customers}
        for table, counted in rows.voice.items():
            strangers = sum(row["customer_id"] not in known for row in counted)
            if strangers:
                rows.unknown[table, "unknown customer, in no segment"] += strangers

    def feedback(self) -> Answer:
        """Return the NPS answers of each month and of all time, and which complaints were heard.

        Of a customer's answers in a month only the last one counts, also in all time.
        """
        last: dict[tuple[str, date], Row] = {}
        counts: defaultdict[Period, Counter[str]] = defaultdict(Counter)
        last_day = self.as_of.date() - timedelta(days=1)
        for row in sorted(self.rows.voice["feedback"], key=lambda row: row["given_at"]):
            month = month_of(row["given_at"])
            if row["kind"] == "nps":
                last[row["customer_id"], month] = row
            # A month in which only csat was asked is a month too.
            what = ["said"]
            if row["kind"] == "complaint":
                what.append("complaints")
                heard_until = row["given_at"].date() + timedelta(days=HEARD_DAYS)
                if heard_until <= last_day:
                    what.append("decided")
                    resolved_at = row["resolved_at"]
                    if resolved_at and resolved_at.date() <= heard_until:
                        what.append("heard")
            for period in (month, None):
                counts[period].update(what)
        for (_, month), row in last.items():
            for period in (month, None):
                counts[period][kind_of_score(row["score"])] += 1
        classes, kinds = ["promoters", "passives", "detractors"], ["decided", "heard"]
        names = [*classes, "complaints", *kinds]
        columns = ["month", *classes, "complaints", *(f"{kind}_complaints" for kind in kinds)]
        # All time stands last.
        periods = sorted(counts, key=lambda period: period or date.max)
        return columns, ([period, *(counts[period][name] for name in names)] for period in periods)

    def tickets(self) -> Answer:
        """Return the tickets of each channel in all time, and how many still wait."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for row in self.rows.voice["tickets"]:
            is_open = not self.has_happened(row["resolved_at"])
            for channel in (row["channel"] or "(none)", "all"):
                counts[channel]["tickets"] += 1
                counts[channel]["open"] += is_open
                counts[channel]["unanswered"] += is_open and not self.has_happened(
                    row["first_response_at"]
                )
        return ["channel", "tickets", "open_tickets", "unanswered_tickets"], (
            [channel, *(counts[channel][name] for name in ("tickets", "open", "unanswered"))]
            for channel in sorted(counts)
        )

    def has_happened(self, moment: datetime | None) -> bool:
        """Tell whether something has happened before the data end."""
        return bool(moment and moment < self.as_of)

    def carts(self) -> Answer:
        """Return what became of the carts of each month, and the money that was left in them."""
        counts: defaultdict[date, Counter[str]] = defaultdict(Counter)
        left: defaultdict[date, Decimal] = defaultdict(lambda: Decimal("0.00"))
        won_back: defaultdict[date, Decimal] = defaultdict(lambda: Decimal("0.00"))
        for row in self.rows.voice["carts"]:
            month, created_at = month_of(row["created_at"]), row["created_at"]
            bought_at = self.bought_at(row)
            counts[month]["carts"] += 1
            if created_at + CART_TIME > self.as_of:
                counts[month]["undecided"] += 1
            elif bought_at and bought_at <= created_at + CART_TIME:
                counts[month]["bought"] += 1
            else:
                counts[month]["abandoned"] += 1
                amount = cents(row["amount"] * self.rates.on(created_at, row["currency"]))
                left[month] += amount
                is_over = created_at + RECOVERY_TIME <= self.as_of
                if is_over and bought_at and bought_at <= created_at + RECOVERY_TIME:
                    counts[month]["recovered"] += 1
                    won_back[month] += amount
        kinds = ["carts", "undecided", "bought", "abandoned", "recovered"]
        columns = ["month", "carts", *(f"{kind}_carts" for kind in kinds[1:])]
        return [*columns, "amount_left", "amount_won_back"], (
            [month, *(counts[month][kind] for kind in kinds), left[month], won_back[month]]
            for month in sorted(counts)
        )

    def bought_at(self, cart: Row) -> datetime | None:
        """Return when the cart was bought: its own order, or without one the customer's next."""
        if cart["order_id"]:
            order = self.rows.orders.get(cart["order_id"])
            return order["ordered_at"] if order else None
        moments = self.purchases.get(cart["customer_id"], ())
        return min((m for m in moments if m >= cart["created_at"]), default=None)


def kind_of_score(score: int) -> str:
    """Return the class of an answer to the question whether one would recommend the shop."""
    if score >= 9:
        return "promoters"
    return "passives" if score >= 7 else "detractors"
