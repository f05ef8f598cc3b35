"""Who is in which play, in which arm and until when: a walk through the mornings of each customer.

A morning knows the days before it. The generator walks the same way, and lets those who get a
contact buy more often. This walk takes what they bought as it is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import md5
from typing import Any

from truth.journeys import Journeys
from truth.months import next_month
from truth.rows import CountedRows, Row

Answer = tuple[Sequence[str], Iterable[Sequence[Any]]]

DAY = timedelta(days=1)
SALT = "flip"
CONTACTS_PER_WEEK = 2
# A contact is in time on the day on which it is due, and on the next one.
IN_TIME = 1
# A subscription may still go on for so many days after its end.
DAYS_UNTIL_AN_END_IS_CERTAIN = 2


@dataclass(frozen=True)
class Play:
    """A play: whom it takes, for how long, and on which days after the enrolment it writes."""

    play_id: str
    trigger: str
    days: int
    window: int
    cooldown: int
    per_year: int
    holdout_share: float
    contact_days: tuple[int, ...]


# By priority. A play takes customers from those below it.
PLAYS = (
    Play("win_back_buyers", "no_order", 60, 30, 90, 2, 0.2, (0, 1, 9, 11)),
    Play("first_order_follow_up", "first_order", 1, 29, 0, 1, 0.1, (0, 10)),
    Play("birthday", "birthday", 0, 14, 0, 1, 0.1, (0,)),
)


@dataclass
class Customer:
    """What plays look at. `refused` has the mornings from and before which nobody may write."""

    customer_id: str
    bought: list[date]
    spells: Sequence[tuple[date, date | None]]
    refused: Sequence[tuple[date, date | None]]
    born_on: date | None
    signed_up_on: date | None

    def bought_before(self, morning: date) -> list[date]:
        """Return the days of purchase that a morning knows."""
        return self.bought[: bisect_left(self.bought, morning)]

    def may_be_contacted(self, morning: date) -> bool:
        """Tell whether nothing speaks against a contact."""
        return not any(
            begin <= morning and (end is None or morning < end) for begin, end in self.refused
        )

    def is_due(self, play: Play, morning: date) -> bool:
        """Tell whether the trigger of a play comes true on a morning."""
        if play.trigger == "birthday":
            return self.has_birthday(morning)
        bought = self.bought_before(morning)
        if play.trigger == "first_order":
            return bool(bought) and bought[0] + play.days * DAY == morning
        return (
            bool(bought) and bought[-1] + play.days * DAY == morning and not self.is_paying(morning)
        )

    def is_paying(self, morning: date) -> bool:
        """Tell whether the customer pays for a subscription, as far as the morning knows."""
        certain = DAYS_UNTIL_AN_END_IS_CERTAIN * DAY
        return any(
            begin < morning and (end is None or morning < end + certain)
            for begin, end in self.spells
        )

    def has_birthday(self, morning: date) -> bool:
        """Tell whether a customer whom the shop knows by then has the birthday."""
        if self.born_on is None:
            return False
        is_leap_day = (self.born_on.month, self.born_on.day) == (2, 29)
        day = self.born_on - DAY if is_leap_day and morning.year % 4 else self.born_on
        known_from = min(filter(None, (self.signed_up_on, *self.bought[:1])), default=None)
        is_the_day = (day.month, day.day) == (morning.month, morning.day)
        return is_the_day and known_from is not None and known_from < morning


@dataclass
class Enrolment:
    """A customer in a play: from a morning, for its window, and the contacts that were due."""

    customer: Customer
    play: Play
    day: date
    left_on: date | None = None
    due: list[tuple[int, date]] = field(default_factory=list)

    @property
    def window_ends_on(self) -> date:
        """Return the first day on which a purchase no longer counts."""
        return self.day + self.play.window * DAY

    @property
    def is_held_out(self) -> bool:
        """Tell the arm: the first 52 bits of a hash, as a share of all there are."""
        text = f"{self.customer.customer_id}|{self.play.play_id}|{SALT}"
        return int(md5(text.encode()).hexdigest()[:13], 16) / 2**52 < self.play.holdout_share

    def converted_on(self, morning: date) -> date | None:
        """Return the first day of purchase in the window that a morning knows."""
        before = self.customer.bought_before(min(self.window_ends_on, morning))
        return next((day for day in before if day >= self.day), None)


def walk(
    customer: Customer,
    starts_on: date,
    as_of: date,
    send: Callable[[Enrolment, int, date], None] = lambda *_: None,
) -> list[Enrolment]:
    """Return the enrolments of a customer. `send` is told each contact on the day it is due."""
    enrolments: list[Enrolment] = []
    current: Enrolment | None = None
    waiting: list[tuple[Enrolment, int]] = []
    written_on: list[date] = []
    morning = starts_on
    while morning <= as_of:
        if current and is_over(current, morning):
            current.left_on, current = morning, None
        for play in PLAYS:
            if current and PLAYS.index(current.play) <= PLAYS.index(play):
                break
            if not may_enrol(customer, play, morning, enrolments):
                continue
            if current:
                current.left_on = morning
            current = Enrolment(customer, play, morning)
            enrolments.append(current)
            break
        if current and not current.is_held_out:
            waiting += [
                (current, number)
                for number, days in enumerate(current.play.contact_days, start=1)
                if current.day + days * DAY == morning
            ]
        while waiting and sum(morning - day < 7 * DAY for day in written_on) < CONTACTS_PER_WEEK:
            enrolment, number = waiting.pop(0)
            # A contact whose customer has left takes no place in the week.
            if enrolment.left_on is None:
                written_on.append(morning)
                enrolment.due.append((number, morning))
                send(enrolment, number, morning)
        morning += DAY
    return enrolments


def is_over(enrolment: Enrolment, morning: date) -> bool:
    """Tell whether a stay in a play ends on a morning."""
    return (
        enrolment.converted_on(morning) is not None
        or enrolment.window_ends_on == morning
        or any(begin == morning for begin, _ in enrolment.customer.refused)
    )


def may_enrol(
    customer: Customer, play: Play, morning: date, enrolments: Sequence[Enrolment]
) -> bool:
    """Tell whether a play takes a customer on a morning, were there no other play."""
    if not customer.is_due(play, morning) or not customer.may_be_contacted(morning):
        return False
    past = [enrolment for enrolment in enrolments if enrolment.play == play]
    is_waiting = any(
        enrolment.left_on is None or morning < enrolment.left_on + play.cooldown * DAY
        for enrolment in past
    )
    return not is_waiting and sum((morning - e.day).days < 365 for e in past) < play.per_year


def refusals(records: Iterable[Row]) -> list[tuple[date, date | None]]:
    """Return from which morning on a customer may not be written to, and until which one.

    The first record holds from the beginning, and each one until the next.
    """
    ordered = sorted(records, key=lambda row: row["updated_at"])
    found: list[tuple[date, date | None]] = []
    for number, row in enumerate(ordered):
        begin = row["updated_at"] if number else datetime.min
        end = ordered[number + 1]["updated_at"] if number + 1 < len(ordered) else None
        asked_at = row.get("unsubscribed_at")
        moments = [begin] if row.get("marketing_consent") is False else []
        moments += [asked_at] if asked_at and (end is None or asked_at < end) else []
        found += [(moment.date() + DAY, end.date() + DAY if end else None) for moment in moments]
    return found


class Plays:
    """The answers about plays."""

    def __init__(
        self, rows: CountedRows, journeys: Journeys, brought: Set[tuple[str, str, date]]
    ) -> None:
        """Walk all customers. `brought` has the enrolments whose conversion the play has caused."""
        self.rows, self.brought, self.as_of = rows, brought, rows.as_of.date()
        records: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows.delivered["customers"]:
            if row["customer_id"] not in rows.survivors and row not in records[row["customer_id"]]:
                records[row["customer_id"]].append(row)
        first_contact = min(row["sent_at"] for row in rows.contacts).date()
        self.enrolments: list[Enrolment] = []
        for customer_id in journeys.customers:
            row = rows.customers.get(customer_id, {})
            signed_up_at = row.get("signed_up_at")
            customer = Customer(
                customer_id,
                list(journeys.bought.get(customer_id, ())),
                journeys.spells.get(customer_id, ()),
                refusals(records[customer_id]),
                row.get("birth_date"),
                signed_up_at.date() if signed_up_at else None,
            )
            self.enrolments += walk(customer, first_contact + DAY, self.as_of)

    def enrolled(self) -> Answer:
        """Return each enrolment."""
        columns = ["customer_id", "play_id", "arm", "enrolled_on", "left_on", "converted_on"]
        return columns, (
            [
                enrolment.customer.customer_id,
                enrolment.play.play_id,
                arm_of(enrolment),
                enrolment.day,
                enrolment.left_on,
                enrolment.converted_on(self.as_of),
            ]
            for enrolment in self.enrolments
        )

    def results(self) -> Answer:
        """Return both arms of each play, and how many customers the play brought.

        A customer counts with the first enrolment, in months in which all such windows are over.
        """
        first: dict[tuple[str, str], Enrolment] = {}
        for enrolment in sorted(self.enrolments, key=lambda enrolment: enrolment.day):
            first.setdefault((enrolment.play.play_id, enrolment.customer.customer_id), enrolment)
        months: defaultdict[tuple[str, date], list[Enrolment]] = defaultdict(list)
        for (play_id, _), enrolment in first.items():
            months[play_id, enrolment.day.replace(day=1)].append(enrolment)
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for (play_id, month), enrolments in months.items():
            ends = [enrolment.window_ends_on for enrolment in enrolments]
            if max(*ends, next_month(month)) > self.as_of:
                continue
            for enrolment in enrolments:
                arm, play = arm_of(enrolment), counts[play_id]
                play[arm] += 1
                play[f"{arm} converted"] += enrolment.converted_on(self.as_of) is not None
                key = play_id, enrolment.customer.customer_id, enrolment.day
                play["brought"] += key in self.brought
        names = [f"{arm}{what}" for arm in ("treatment", "holdout") for what in ("", " converted")]
        columns = ["play_id", "treated", "converted_treated", "held_out", "converted_held_out"]
        return [*columns, "brought"], (
            [play_id, *(counts[play_id][name] for name in [*names, "brought"])]
            for play_id in sorted(counts)
        )

    def contacts(self) -> Answer:
        """Return the contacts of each play: due, sent, sent late, and those nobody asked for."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        stays: defaultdict[tuple[str, str], list[Enrolment]] = defaultdict(list)
        for enrolment in self.enrolments:
            play_id = enrolment.play.play_id
            stays[enrolment.customer.customer_id, play_id].append(enrolment)
            counts[play_id]["due"] += len(enrolment.due)
            # A step of yesterday may still be sent in time.
            over = sum((self.as_of - day).days > IN_TIME for _, day in enrolment.due)
            counts[play_id]["not_sent"] += over
        for row in self.rows.contacts:
            play, day = counts[row["play_id"]], row["sent_at"].date()
            before = [e for e in stays[row["customer_id"], row["play_id"]] if e.day <= day]
            latest = max(before, key=lambda enrolment: enrolment.day, default=None)
            due_on = latest and dict(latest.due).get(int(row["step"]))
            if latest and latest.is_held_out and day < latest.window_ends_on:
                play["sent_to_holdout"] += 1
            elif due_on and due_on <= day:
                play["sent"] += 1
                play["sent_late"] += (day - due_on).days > IN_TIME
                play["not_sent"] -= (self.as_of - due_on).days > IN_TIME
            else:
                play["sent_without_being_due"] += 1
        kinds = ["due", "sent", "sent_late", "not_sent"]
        kinds += ["sent_to_holdout", "sent_without_being_due"]
        return ["play_id", *kinds], (
            [play_id, *(counts[play_id][kind] for kind in kinds)] for play_id in sorted(counts)
        )


def arm_of(enrolment: Enrolment) -> str:
    """Return the name of the arm."""
    return "holdout" if enrolment.is_held_out else "treatment"
