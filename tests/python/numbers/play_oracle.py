"""Plays a second time, night by night: each morning asks of each customer what is known by then.

The models find all triggers of all time at once. Here nothing is looked up ahead: a morning reads
only what happened on the days before it.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from hashlib import md5
from itertools import pairwise
from statistics import median_low

from shops.oracle import DAY, in_utc, local_day, read_seed

CENT = Decimal("0.01")


def plays_by_priority(first_contacts):
    """The plays that have begun. `first_contacts` has the day of the first contact of each play."""
    numbers = ["days", "window_days", "cooldown_days", "priority", "max_enrolments_per_year"]
    plays = [
        play
        | {name: int(play[name]) if play[name] else None for name in numbers}
        | {
            "starts_on": date.fromisoformat(play["starts_on"])
            if play["starts_on"]
            else first_contacts[play["play_id"]] + DAY,
            "ends_on": date.fromisoformat(play["ends_on"]) if play["ends_on"] else None,
            "holdout_share": Fraction(play["holdout_share"]),
            "needs_consent": play["needs_consent"] == "true",
        }
        for play in read_seed("plays")
        if play["starts_on"] or play["play_id"] in first_contacts
    ]
    return sorted(plays, key=lambda play: play["priority"])


@lru_cache
def steps_of(play_id):
    """(name, days after the enrolment, offer, what it costs) of each step, in order."""
    hours, steps = 0, []
    rows = [row for row in read_seed("play_steps") if row["play_id"] == play_id]
    for row in sorted(rows, key=lambda row: int(row["step_number"])):
        hours += int(row["delay_hours"])
        steps.append((row["step"], hours // 24, row["offer"], Decimal(row["offer_cost"] or 0)))
    return steps


def arm_of(customer, play, salt="flip"):
    digits = md5(f"{customer}|{play['play_id']}|{salt}".encode()).hexdigest()[:13]
    return "holdout" if Fraction(int(digits, 16), 2**52) < play["holdout_share"] else "treatment"


@dataclass
class Enrolment:
    customer: str
    play: dict
    day: date
    left_on: date | None = None
    left_because: str | None = None
    due: list = field(default_factory=list)

    @property
    def window_ends_on(self):
        return self.day + self.play["window_days"] * DAY

    @property
    def arm(self):
        return arm_of(self.customer, self.play)


def by(rows, column):
    groups = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups


def contracts(versions):
    """One row per subscription, by its start: when it ends or is paused, and until when it is paid.

    A pause is told twice. If it does not go on, it ends with the subscription.
    """
    rows = []
    for told in by(versions, "subscription_id").values():
        first, pause, last = told[0], *(told[1:2] or [None]), told[3] if len(told) > 3 else None
        long = first["billing_interval"] == "year" or first["interval_count"] >= 3
        rows.append(
            {
                "started_at": first["started_at"],
                "ended_at": pause["effective_at"] if pause else first["ended_at"],
                "is_paused": bool(pause),
                "pause_ends_at": last and last["ended_at"],
                "asked_at": first["cancel_requested_at"],
                "renews_at": first["current_period_ends_at"] if long else None,
            }
        )
    return sorted(rows, key=lambda row: row["started_at"])


class Customer:
    """What happened to a customer, by day. Each question names the morning that asks."""

    def __init__(self, name, oracle):
        self.name, self.oracle, rows = name, oracle, oracle.rows
        mine = {
            table: [row for row in rows[table] if row["customer_id"] == name]
            for table in ("orders", "customers", "subscriptions", "carts", "feedback")
        }
        self.bought = sorted({oracle.day(row["ordered_at"]) for row in mine["orders"]})
        self.spent = defaultdict(Decimal)
        for row in mine["orders"]:
            self.spent[oracle.day(row["ordered_at"])] += row["amount"]
        self.records = sorted(mine["customers"], key=lambda row: row["updated_at"])
        self.carts = [oracle.day(row["created_at"]) for row in mine["carts"]]
        self.complaints = [
            oracle.day(row["given_at"]) for row in mine["feedback"] if row["kind"] == "complaint"
        ]
        self.answers = sorted(
            oracle.day(row["given_at"]) for row in mine["feedback"] if row["kind"] != "complaint"
        )
        self.subscriptions = contracts(mine["subscriptions"])
        self.spells = oracle.spells(self.subscriptions)

    def bought_before(self, morning):
        return [day for day in self.bought if day < morning]

    def bought_within(self, start, morning):
        return any(start <= day < morning for day in self.bought)

    # --- May the customer be written to?

    def record(self, morning):
        """The version in force on a morning. The first one holds from the beginning."""
        known = [row for row in self.records if self.oracle.day(row["updated_at"]) < morning]
        return (known or self.records or [None])[-1 if known else 0]

    def refusal(self, morning, play):
        """Why the customer may not be contacted; None if nothing speaks against it."""
        record = self.record(morning)
        if record is None:
            return "opted_out" if play["needs_consent"] else None
        if record["is_deleted"]:
            return "deleted"
        # A record may tell of a refusal that came before its writing.
        for row, following in zip(self.records, [*self.records[1:], None], strict=True):
            until = following and self.oracle.day(following["updated_at"])
            asked = row["unsubscribed_at"] and self.oracle.day(row["unsubscribed_at"])
            if (
                asked
                and (following is None or row["unsubscribed_at"] < following["updated_at"])
                and asked < morning
                and (until is None or until >= morning)
            ):
                return "opted_out"
        if record["marketing_consent"] is False:
            return "opted_out"
        if play["needs_consent"] and record["marketing_consent"] is not True:
            return "opted_out"
        return None

    def is_of(self, basis, morning):
        return (
            basis == "any"
            or (basis == "orders" and bool(self.bought_before(morning)))
            or (basis == "subscriptions" and any(start < morning for start, _ in self.spells))
        )

    # --- Is a trigger due on this morning?

    def is_due(self, play, morning):
        return getattr(self, play["trigger"])(morning, play["days"])

    def no_order(self, morning, days):
        bought = self.bought_before(morning)
        # Until two days after its end, a subscription may still go on.
        is_paying = any(
            start < morning and (not end or morning < end + 2 * DAY) for start, end in self.spells
        )
        return bool(bought) and bought[-1] + days * DAY == morning and not is_paying

    def first_order(self, morning, days):
        bought = self.bought_before(morning)
        return bool(bought) and bought[0] + days * DAY == morning

    def reorder_due(self, morning, days):
        bought = self.bought_before(morning)
        if not bought:
            return False
        gaps = [(b - a).days for a, b in pairwise(bought)]
        gap = median_low(gaps) if gaps else self.oracle.shop_gap(bought[-1].replace(day=1))
        # A gap of 0 days beyond the last order is no later morning.
        return gap is not None and bought[-1] + (gap + days) * DAY == morning

    def subscription_ended(self, morning, days):
        day = self.oracle.day
        for _, end in self.spells:
            if end is None or any(end < start < morning for start, _ in self.spells):
                continue
            pause_ends = [
                row["pause_ends_at"] and day(row["pause_ends_at"])
                for row in self.subscriptions
                if row["is_paused"]
                and day(row["ended_at"]) <= end
                and (row["pause_ends_at"] is None or day(row["pause_ends_at"]) > end)
            ]
            if None not in pause_ends and max([end, *pause_ends]) + days * DAY == morning:
                return True
        return False

    def renewals_due(self, morning, days):
        """The ends to come of contracts that are due on this morning."""
        day, ends = self.oracle.day, []
        for row in self.subscriptions:
            known = day(row["started_at"]) + DAY
            if row["asked_at"]:
                if row["ended_at"] <= row["started_at"]:
                    continue
                end, known = day(row["ended_at"]), max(day(row["asked_at"]) + DAY, known)
            elif row["renews_at"] and row["renews_at"] > row["started_at"]:
                if row["ended_at"] and day(row["ended_at"]) < morning:
                    continue
                end = day(row["renews_at"])
            else:
                continue
            if max(end - days * DAY, known) == morning < end:
                ends.append(end)
        return ends

    def renewal_due(self, morning, days):
        return bool(self.renewals_due(morning, days))

    def cart_abandoned(self, morning, days):
        return any(
            day + days * DAY == morning and not self.bought_within(day, morning)
            for day in self.carts
        )

    def complaint(self, morning, days):
        return any(day + days * DAY == morning for day in self.complaints)

    def referral_bought(self, morning, days):
        for other in self.oracle.referred_by[self.name]:
            signed_up = other.records[-1]["signed_up_at"]
            known = [self.oracle.day(signed_up)] if signed_up else []
            if other.bought and max(other.bought[:1] + known) + days * DAY == morning:
                return True
        return False

    def birthday(self, morning, days):
        born = self.records[-1]["birth_date"] if self.records else None
        if not born:
            return False
        birthday = morning + days * DAY
        try:
            this_year = born.replace(year=birthday.year)
        except ValueError:
            this_year = date(birthday.year, 2, 28)
        signed_up = self.records[-1]["signed_up_at"]
        known = [self.oracle.day(signed_up)] if signed_up else []
        return this_year == birthday and any(day < birthday for day in known + self.bought[:1])

    def tier_reached(self, morning, days):
        return False

    # --- Is the goal reached?

    def goal_day(self, enrolment, morning):
        """The first day of the window, before the morning, on which the goal was reached."""
        until = min(enrolment.window_ends_on, morning)
        goal = enrolment.play["goal"]
        if goal == "renewal":
            # A change of subscriptions within 24 hours is no end: only the day after knows.
            day = self.oracle.renewal_of[enrolment.customer, enrolment.day] + DAY
            is_paying = any(start <= day and (not end or end > day) for start, end in self.spells)
            days = [day] if is_paying else []
        else:
            days = {
                "order": self.bought,
                "subscription": [start for start, _ in self.spells],
                "feedback": self.answers,
            }[goal]
        return min((day for day in days if enrolment.day <= day < until), default=None)


class PlayOracle:
    """Every enrolment of a PlayShop's rows, and every step that was due, by a walk through days."""

    def __init__(self, rows, zone, as_of, contacts_per_week, previous_as_of=None):
        self.zone, self.as_of, self.cap = zone, as_of, contacts_per_week
        self.previous_as_of = previous_as_of or as_of - DAY
        before = self.day_start(as_of)
        self.rows = {
            table: [
                row
                for row in rows[table]
                if not any(
                    row.get(name) and row[name] >= before
                    for name in ("ordered_at", "created_at", "given_at", "started_at", "sent_at")
                )
            ]
            for table in rows
        }
        first_contacts = {
            play: min(self.day(row["sent_at"]) for row in sent)
            for play, sent in by(self.rows["contacts"], "play_id").items()
        }
        self.plays = plays_by_priority(first_contacts)
        names = {row["customer_id"] for table in self.rows for row in self.rows[table]}
        names |= {
            row["referred_by_customer_id"]
            for row in self.rows["customers"]
            if row["referred_by_customer_id"]
        }
        self.renewal_of = {}
        self.customers = {name: Customer(name, self) for name in sorted(names)}
        self.referred_by = defaultdict(list)
        referrer_of = {}
        for customer in self.customers.values():
            if customer.records:
                last = customer.records[-1]
                signed_up = last["signed_up_at"]
                if not last["is_deleted"] and not (signed_up and signed_up >= before):
                    referrer_of[customer.name] = last["referred_by_customer_id"]
        for name, referrer in referrer_of.items():
            # From referrer to referrer: whoever comes back to themselves was referred by nobody.
            at, seen = referrer, set()
            while at and at != name and at not in seen:
                seen.add(at)
                at = referrer_of.get(at)
            if at != name:
                self.referred_by[referrer].append(self.customers[name])
        self.enrolments = []
        self.steps = []
        self.find_shop_gaps()
        for customer in self.customers.values():
            self.walk(customer)

    def day(self, moment):
        return local_day(moment, self.zone)

    def day_start(self, day):
        return in_utc(day, time(0), self.zone)

    def find_shop_gaps(self):
        self.gaps = sorted(
            (b, (b - a).days)
            for customer in self.customers.values()
            for a, b in pairwise(customer.bought)
        )

    def shop_gap(self, month):
        gaps = [gap for day, gap in self.gaps if day < month]
        return median_low(gaps) if gaps else None

    def spells(self, subscriptions):
        """(start, end) of each stretch of paying; a start up to 24 hours after an end goes on."""
        spells = []
        for row in subscriptions:
            start, end = row["started_at"], row["ended_at"]
            if end and end >= self.day_start(self.as_of):
                end = None
            if end and end <= start:
                continue
            # A pause is no change of subscriptions.
            bridge = 0 * DAY if row["is_paused"] else DAY
            if spells and (spells[-1][1] is None or start <= spells[-1][1] + spells[-1][2]):
                last = spells.pop()
                if end and last[1] and end > last[1]:
                    spells.append((last[0], end, bridge))
                else:
                    spells.append((last[0], end and last[1], last[2]))
            else:
                spells.append((start, end, bridge))
        # Two stretches that touch on one day are one.
        days = []
        for start, end, _ in spells:
            start, end = self.day(start), end and self.day(end)
            if days and start <= days[-1][1]:
                days[-1] = (days[-1][0], end)
            else:
                days.append((start, end))
        return days

    def walk(self, customer):
        current, left_on, enrolled_on = None, {}, defaultdict(list)
        waiting, slots = [], []
        morning = min(play["starts_on"] for play in self.plays)
        while morning <= self.as_of:
            if current and (reason := self.reason_to_leave(customer, current, morning)):
                current.left_on, current.left_because = morning, reason
                left_on[current.play["play_id"]], current = morning, None
            for play in self.plays:
                if current and current.play["priority"] <= play["priority"]:
                    break
                if not self.may_enrol(customer, play, morning, left_on, enrolled_on):
                    continue
                if current:
                    current.left_on, current.left_because = morning, "higher_priority"
                    left_on[current.play["play_id"]] = morning
                current = Enrolment(customer.name, play, morning)
                enrolled_on[play["play_id"]].append(morning)
                self.enrolments.append(current)
                if play["trigger"] == "renewal_due":
                    self.remember_renewal(customer, current)
                break
            if current and current.arm == "treatment":
                for step, days, *_ in steps_of(current.play["play_id"]):
                    if current.day + days * DAY == morning:
                        waiting.append((current, step, morning))
            while waiting and sum(morning - day < 7 * DAY for day in slots) < self.cap:
                enrolment, step, planned = waiting.pop(0)
                is_in = enrolment.left_on is None
                if is_in:
                    slots.append(morning)
                    enrolment.due.append((step, morning))
                outcome = "due" if is_in else "left_before"
                self.steps.append((enrolment, step, planned, morning, outcome))
            morning += DAY

    def remember_renewal(self, customer, enrolment):
        """The end that made the customer due: the latest, if there are several."""
        ends = customer.renewals_due(enrolment.day, enrolment.play["days"])
        self.renewal_of[customer.name, enrolment.day] = max(ends)

    def may_enrol(self, customer, play, morning, left_on, enrolled_on):
        past = enrolled_on[play["play_id"]]
        most, left = play["max_enrolments_per_year"], left_on.get(play["play_id"])
        return (
            play["starts_on"] <= morning
            and (play["ends_on"] is None or morning < play["ends_on"])
            and (left is None or morning >= left + play["cooldown_days"] * DAY)
            and (most is None or sum((morning - day).days < 365 for day in past) < most)
            and customer.is_due(play, morning)
            and customer.is_of(play["basis"], morning)
            and customer.refusal(morning, play) is None
        )

    def reason_to_leave(self, customer, enrolment, morning):
        if customer.goal_day(enrolment, morning):
            return "converted"
        if refusal := customer.refusal(morning, enrolment.play):
            return refusal
        if enrolment.play["ends_on"] == morning:
            return "play_ended"
        return "window_over" if morning == enrolment.window_ends_on else None

    # --- The marts

    def is_by(self, contact, day):
        return day is not None and self.day(contact["sent_at"]) <= day

    def contacts_of_enrolments(self):
        """(day, contact, enrolment): the latest one of the customer in the play, or None."""
        by_play = defaultdict(list)
        for enrolment in self.enrolments:
            by_play[enrolment.customer, enrolment.play["play_id"]].append(enrolment)
        rows = sorted(self.rows["contacts"], key=lambda row: (row["sent_at"], row["contact_id"]))
        for row in rows:
            day = self.day(row["sent_at"])
            mine = [e for e in by_play[row["customer_id"], row["play_id"]] if e.day <= day]
            yield day, row, max(mine, key=lambda e: e.day, default=None)

    def fct_play_enrollments(self):
        sent = defaultdict(list)
        for day, row, enrolment in self.contacts_of_enrolments():
            sent[id(enrolment)].append((day, row))
        seen = set()
        for enrolment in sorted(self.enrolments, key=lambda enrolment: enrolment.day):
            in_play = enrolment.customer, enrolment.play["play_id"]
            is_first = in_play not in seen
            seen.add(in_play)
            customer = self.customers[enrolment.customer]
            before = customer.bought_before(enrolment.day)
            until = min(enrolment.window_ends_on, self.as_of)
            window = [enrolment.day + n * DAY for n in range((until - enrolment.day).days)]
            purchases = sum((customer.spent[day] for day in window), Decimal(0))
            converted_on = customer.goal_day(enrolment, self.as_of)
            contacts = [row for day, row in sent[id(enrolment)] if day < enrolment.window_ends_on]
            received = {row["step"] for row in contacts if self.is_by(row, converted_on)}
            offers = [
                cost
                for name, _, offer, cost in steps_of(enrolment.play["play_id"])
                if offer and name in received
            ]
            yield {
                "customer_id": enrolment.customer,
                "play_id": enrolment.play["play_id"],
                "arm": enrolment.arm,
                "is_first": is_first,
                "left_because": enrolment.left_because,
                "purchases_before": len(before),
                "revenue_before": sum((customer.spent[day] for day in before), Decimal("0.00")),
                "days_since_last_purchase": (enrolment.day - before[-1]).days if before else None,
                "is_window_complete": enrolment.window_ends_on <= self.as_of,
                "purchase_revenue_in_window": purchases.quantize(CENT),
                "recurring_revenue_in_window": self.recurring(customer, enrolment.day, until),
                "contacts_due": len(enrolment.due),
                "contacts_sent": len(contacts),
                "contact_cost": sum((row["cost"] for row in contacts), Decimal("0.00")),
                "offer_cost": (offers or [Decimal("0.00")])[-1],
                "enrolled_at": self.day_start(enrolment.day),
                "enrolled_on": enrolment.day,
                "window_ends_on": enrolment.window_ends_on,
                "left_on": enrolment.left_on,
                "converted_on": converted_on,
            }

    def recurring(self, customer, start, until):
        days = 0
        starts = sorted(row["started_at"] for row in customer.subscriptions)
        for row in customer.subscriptions:
            # The end of a subscription that another one follows within a day is that other's start.
            end = row["ended_at"]
            if end and not row["is_paused"]:
                end = next((start for start in starts if end <= start <= end + DAY), end)
            last = min(until, self.day(end)) if end else until
            days += max((last - max(start, self.day(row["started_at"]))).days, 0)
        amount = Fraction(10 * days * 12, 365)
        return (Decimal(amount.numerator) / amount.denominator).quantize(CENT, ROUND_HALF_UP)

    def audiences(self):
        for enrolment, step, planned, day, outcome in self.steps:
            # Whoever has left since the day of the contact gets none.
            if outcome == "due" and day > self.previous_as_of and enrolment.left_on is None:
                yield {
                    "play_id": enrolment.play["play_id"],
                    "customer_id": enrolment.customer,
                    "step": step,
                    "planned_on": planned,
                    "due_on": day,
                }

    def rpt_play_contacts(self):
        """Counts by play, step and month. Each contact is matched by hand."""
        counts = defaultdict(Counter)
        due_days = {}
        for enrolment, step, planned, day, outcome in self.steps:
            cell = counts[enrolment.play["play_id"], step, day.replace(day=1)]
            if outcome == "left_before":
                cell["left_before_due"] += 1
                continue
            cell["due"] += 1
            cell["due_later_by_cap"] += day > planned
            due_days[id(enrolment), step] = day
        sent = set()
        for day, row, enrolment in self.contacts_of_enrolments():
            due_on = enrolment and due_days.get((id(enrolment), row["step"]))
            month = day.replace(day=1)
            if enrolment and enrolment.arm == "holdout" and day < enrolment.window_ends_on:
                outcome = "sent_to_holdout"
            elif due_on is None or due_on > day:
                outcome = "sent_without_being_due"
            elif (id(enrolment), row["step"]) in sent:
                outcome = "sent_again"
            else:
                outcome, month = "sent", due_on.replace(day=1)
                sent.add((id(enrolment), row["step"]))
            cell = counts[row["play_id"], row["step"] or "(none)", month]
            cell[outcome] += 1
            cell["contact_cost"] += row["cost"]
            cell["sent_late"] += outcome == "sent" and (day - due_on).days > 1
        for enrolment, step, _, day, outcome in self.steps:
            is_sent = (id(enrolment), step) in sent
            if outcome == "due" and (self.as_of - day).days > 1 and not is_sent:
                counts[enrolment.play["play_id"], step, day.replace(day=1)]["not_sent"] += 1
        for (play_id, step, month), cell in counts.items():
            names = ["due", "due_later_by_cap", "left_before_due", "sent", "sent_late", "not_sent"]
            names += ["sent_again", "sent_to_holdout", "sent_without_being_due"]
            yield (
                {"play_id": play_id, "step": step, "month": month}
                | {name: cell[name] for name in names}
                | {
                    "contact_cost": Decimal(cell["contact_cost"]).quantize(CENT),
                    "is_complete": (month + timedelta(days=32)).replace(day=1) <= self.as_of,
                }
            )
