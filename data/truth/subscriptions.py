"""What a subscription pays, at any moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from truth.money import Rates, cents
from truth.rows import Row

INTERVALS_PER_YEAR = {"year": 1, "month": 12, "week": 52, "day": 365}


class Subscription:
    """One subscription: its versions, by effective moment."""

    def __init__(self, versions: Iterable[Row], rates: Rates) -> None:
        """Price every version at the rate of the day on which its terms began."""
        self.versions = sorted(versions, key=lambda version: version["effective_at"])
        self.customer_id = self.versions[-1]["customer_id"]
        self.mrr = []
        began_at: dict[tuple, datetime] = {}
        for version in self.versions:
            # The same terms stay worth the same: exchange rates never make a movement.
            began_at.setdefault(terms(version), version["effective_at"])
            rate = rates.on(began_at[terms(version)], version["currency"])
            self.mrr.append(monthly(version, rate))

    def moments(self) -> set[datetime]:
        """Return every moment at which the payment may change."""
        moments = {self.versions[0]["started_at"]}
        for version in self.versions:
            moments |= {version["effective_at"], version["trial_ends_at"], end_of(version)}
        return moments - {None}

    def pays_before(self, moment: datetime) -> Decimal:
        """Return the MRR just before this moment, 0 if nothing is paid then."""
        if self.versions[0]["started_at"] >= moment:
            return Decimal(0)
        # The earliest version is in force from the start, even if it was delivered later.
        number = max(
            (n for n, version in enumerate(self.versions) if version["effective_at"] < moment),
            default=0,
        )
        version, later = self.versions[number], self.versions[number + 1 :]
        end = end_of(version)
        # An end one second before the next version is only a way to write that version's start.
        is_bridged = end and later and end + timedelta(seconds=1) == later[0]["effective_at"]
        if end and end < moment and not is_bridged:
            return Decimal(0)
        # A later version can name an end in its past. That end ends the earlier versions too.
        for successor in later:
            end = end_of(successor)
            if end and end < successor["effective_at"] and end < moment:
                return Decimal(0)
        trial_end = version["trial_ends_at"]
        in_trial = trial_end >= moment if trial_end else version["status"] == "trialing"
        if in_trial or version["status"] in ("paused", "unpaid", "incomplete"):
            return Decimal(0)
        return self.mrr[number]


def by_customer(versions: Iterable[Row], rates: Rates) -> Mapping[str, list[Subscription]]:
    """Return the subscriptions of each customer."""
    lives: dict[str, list[Row]] = defaultdict(list)
    for row in versions:
        lives[row["subscription_id"]].append(row)
    owned: dict[str, list[Subscription]] = defaultdict(list)
    for life in lives.values():
        subscription = Subscription(life, rates)
        owned[subscription.customer_id].append(subscription)
    return owned


def pay_before(moment: datetime, owned: Iterable[Subscription]) -> Decimal:
    """Return the MRR of one customer just before this moment."""
    return sum((subscription.pays_before(moment) for subscription in owned), Decimal(0))


def spells(owned: Sequence[Subscription], as_of: datetime) -> list[tuple[date, date | None]]:
    """Return first day and end of each stretch in which the customer pays on every day."""
    moments = {moment for subscription in owned for moment in subscription.moments()}
    bounds = [*sorted(moment for moment in moments if moment < as_of), as_of]
    found: list[tuple[date, date | None]] = []
    # Nothing changes between two of these moments, so the payment at the end holds for the piece.
    for begin, end in pairwise(bounds):
        if not pay_before(end, owned):
            continue
        started_on = begin.date()
        if found and found[-1][1] and started_on <= found[-1][1]:
            started_on = found.pop()[0]
        found.append((started_on, end.date() if end < as_of else None))
    return found


def end_of(version: Row) -> datetime | None:
    """Return the end of the subscription according to this version."""
    if version["ended_at"] or version["status"] not in ("canceled", "expired"):
        return version["ended_at"]
    return version["current_period_ends_at"] or version["effective_at"]


def terms(version: Row) -> tuple:
    """Return the amount per billing period, its currency, and the length of that period."""
    amount = version["amount"] * version["quantity"] - version["discount_amount"]
    return (
        amount,
        version["currency"] or "USD",
        version["billing_interval"],
        version["interval_count"],
    )


def monthly(version: Row, rate: Decimal) -> Decimal:
    """Return the MRR of a version in force."""
    amount, *_ = terms(version)
    # Multiplied first and divided once, so that half a cent stays half a cent.
    per_year = amount * rate * INTERVALS_PER_YEAR[version["billing_interval"]]
    return cents(per_year / (12 * version["interval_count"]))
