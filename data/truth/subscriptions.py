"""What a subscription pays, at any moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from truth.money import Rates, cents
from truth.rows import Row

INTERVALS_PER_YEAR = {"year": 1, "month": 12, "week": 52, "day": 365}
# An end this far after the data only fills a column that may not be empty.
FAR_AHEAD = timedelta(days=3653)
ONE_DAY = timedelta(days=1)


@dataclass
class Stretch:
    """A time in which an item pays the same MRR; without an end it goes on."""

    begin: datetime
    end: datetime | None
    mrr: Decimal
    is_end_of_service: bool
    is_past_due: bool
    announced_at: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Tell whether this is so just before a moment."""
        return self.begin < moment and (self.end is None or moment <= self.end)


@dataclass
class Wait:
    """A time in which an item does not pay: a trial, or a pause after it has paid."""

    begin: datetime
    end: datetime | None
    is_trial: bool

    def holds(self, moment: datetime) -> bool:
        """Tell whether this is so just before a moment."""
        return self.begin < moment and (self.end is None or moment <= self.end)


class Item:
    """One item of a subscription: its versions by effective moment, and when it pays what."""

    def __init__(self, versions: Iterable[Row], rates: Rates, as_of: datetime) -> None:
        """Price every version, and follow the versions through time."""
        self.versions = sorted(versions, key=lambda version: version["effective_at"])
        self.customer_id = self.versions[-1]["customer_id"]
        self.rates, self.as_of = rates, as_of
        self.had_trial = False
        self.stretches: list[Stretch] = []
        self.waits: list[Wait] = []
        for number in range(len(self.versions)):
            self.stretches += self.stretches_of(number)

    def stretches_of(self, number: int) -> Iterator[Stretch]:
        """Yield when this version pays, given all that was paid before it."""
        version = self.versions[number]
        later = self.versions[number + 1 :]
        # The earliest version is in force from the start, even if it was delivered later.
        begin = version["effective_at"] if number else version["started_at"]
        ends = [self.end_of(version)]
        # A later version can name an end in its past. That end ends the earlier versions too.
        for successor in later:
            end = self.end_of(successor)
            ends.append(end if end and end <= successor["effective_at"] else None)
        end_of_service = min((end for end in ends if end), default=None)
        next_at = later[0]["effective_at"] if later else None
        end = min((moment for moment in (end_of_service, next_at) if moment), default=None)
        if end and end <= begin:
            return
        trial_end, status = version["trial_ends_at"], version["status"]
        # What is free before the first payment is a trial. Later it is a gift.
        if not self.stretches:
            is_past_due_after_trial = status == "past_due" and self.had_trial
            is_trial = trial_end > begin if trial_end else status == "trialing"
            self.had_trial |= is_trial
            if is_trial:
                known = [moment for moment in (trial_end, end) if moment]
                self.waits.append(Wait(begin, min(known, default=None), is_trial=True))
            fails = later and later[0]["status"] in ("past_due", "unpaid")
            if (
                is_past_due_after_trial
                or (status == "trialing" and not trial_end)
                or (status == "trialing" and fails and end - trial_end <= ONE_DAY)
            ):
                return
            begin = max(begin, trial_end or begin)
        if status in ("paused", "unpaid", "incomplete") or (end and end <= begin):
            if self.stretches:
                self.waits.append(Wait(begin, end, is_trial=False))
            return
        is_end_of_service = end_of_service is not None and end == end_of_service
        if end == next_at and end == self.end_of(version):
            is_end_of_service = False
        discount_end = version.get("discount_ends_at")
        if discount_end and begin < discount_end and not (end and end <= discount_end):
            bounds = [begin, discount_end, end]
        else:
            bounds = [begin, end]
        for piece, until in pairwise(bounds):
            mrr = self.mrr_at(number, piece)
            if mrr > 0:
                yield Stretch(
                    piece,
                    until,
                    mrr,
                    is_end_of_service and until == end,
                    status == "past_due",
                    self.announced_at(number),
                )

    def mrr_at(self, number: int, moment: datetime) -> Decimal:
        """Return the MRR of a version at a moment, at the rate of the day its terms began."""
        version = self.versions[number]
        # The same terms stay worth the same: exchange rates never make a movement.
        began_at = next(
            earlier["effective_at"] for earlier in self.versions if terms(earlier) == terms(version)
        )
        amount = version["amount"] * version["quantity"]
        discount_end = version.get("discount_ends_at")
        if not discount_end or moment < discount_end:
            amount -= version["discount_amount"]
        # Multiplied first and divided once, so that half a cent stays half a cent.
        per_year = amount * INTERVALS_PER_YEAR[version["billing_interval"]]
        per_year *= self.rates.on(began_at, version["currency"])
        return cents(per_year / (12 * version["interval_count"]))

    def end_of(self, version: Row) -> datetime | None:
        """Return the end of service according to this version."""
        has_ended = version["status"] in ("canceled", "expired")
        if version.get("auto_renews"):
            return version["effective_at"] if has_ended else None
        end = version["ended_at"]
        if end and end < self.as_of + FAR_AHEAD:
            return end
        if has_ended:
            return version["current_period_ends_at"] or version["effective_at"]
        return None

    def announced_at(self, number: int) -> datetime | None:
        """Return since when a version says that service will end, None if it names no end.

        A version without an end takes back what was requested before it. Later versions may still
        carry the old request.
        """
        version = self.versions[number]
        spent = {
            earlier["cancel_requested_at"]
            for before, earlier in enumerate(self.versions[:number])
            if self.end_of(earlier)
            and not all(self.end_of(later) for later in self.versions[before + 1 : number + 1])
        }
        requested_at = version["cancel_requested_at"]
        if requested_at and requested_at not in spent:
            return requested_at
        return version["effective_at"] if self.end_of(version) else None

    def why_never_paid(self) -> str | None:
        """Return why the item is in no number, None for one that paid or was on trial."""
        if self.stretches or self.had_trial:
            return None
        if all(
            self.mrr_at(n, version["started_at"]) <= 0 for n, version in enumerate(self.versions)
        ):
            return "amount less discount is 0.00 a month"
        return f"status was {' '.join(sorted({version['status'] for version in self.versions}))}"


def by_customer(versions: Iterable[Row], rates: Rates, as_of: datetime) -> Mapping[str, list[Item]]:
    """Return the items of the subscriptions of each customer."""
    lives: dict[tuple, list[Row]] = defaultdict(list)
    for row in versions:
        lives[row["subscription_id"], row.get("item_id")].append(row)
    owned: dict[str, list[Item]] = defaultdict(list)
    for life in lives.values():
        item = Item(life, rates, as_of)
        owned[item.customer_id].append(item)
    for items in owned.values():
        bridge_switches(items)
    return owned


def bridge_switches(owned: Iterable[Item]) -> None:
    """Let an end last until the customer begins to pay again, if that is within a day."""
    begins = [
        stretch.begin
        for item in owned
        for before, stretch in pairwise([None, *item.stretches])
        if not (before and before.end == stretch.begin)
    ]
    for item in owned:
        for stretch in item.stretches:
            if stretch.is_end_of_service:
                within = [b for b in begins if timedelta(0) < b - stretch.end <= ONE_DAY]
                stretch.end = min(within, default=stretch.end)


def pay_before(moment: datetime, owned: Iterable[Item]) -> Decimal:
    """Return the MRR of one customer just before this moment."""
    paid = (stretch.mrr for item in owned for stretch in item.stretches if stretch.holds(moment))
    return sum(paid, Decimal(0))


def spells(owned: Sequence[Item], as_of: datetime) -> list[tuple[date, date | None]]:
    """Return first day and end of each stretch of days on each of which the customer pays."""
    stretches = [stretch for item in owned for stretch in item.stretches]
    moments = {moment for stretch in stretches for moment in (stretch.begin, stretch.end)}
    bounds = [*sorted(moment for moment in moments - {None} if moment < as_of), as_of]
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


def terms(version: Row) -> tuple:
    """Return amount per billing period, currency and period; a discount that ends is no part."""
    amount = version["amount"] * version["quantity"]
    if not version.get("discount_ends_at"):
        amount -= version["discount_amount"]
    return (
        amount,
        version["currency"] or "USD",
        version["billing_interval"],
        version["interval_count"],
    )
