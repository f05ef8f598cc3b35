"""Where customers stand, what they reached, and whom they sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from truth.months import month_of, months_from, state_at
from truth.rows import CountedRows
from truth.subscriptions import Item, pay_before, spells

Answer = tuple[Sequence[str], Iterable[Sequence[Any]]]

NEW_DAYS, AT_RISK_DAYS, LAPSE_DAYS, LOST_DAYS = 30, 60, 90, 365
# A month end in the middle, one amid many changes, and the last day of the data.
STAGE_DAYS = (date(2024, 6, 30), date(2025, 3, 31), date(2025, 12, 17))
HORIZONS = (1, 7, 14, 30)


class Journeys:
    """The answers that need orders, subscriptions and milestones of a customer together."""

    def __init__(self, rows: CountedRows, subscriptions: Mapping[str, Sequence[Item]]) -> None:
        """Note the days on which customers bought, and since when each one is known."""
        self.rows, self.as_of, self.subscriptions = rows, rows.as_of, subscriptions
        self.last_day = rows.as_of.date() - timedelta(days=1)
        bought: defaultdict[str, set[date]] = defaultdict(set)
        for row in rows.orders.values():
            if row["customer_id"] and not row.get("subscription_id"):
                bought[row["customer_id"]].add(row["ordered_at"].date())
        self.bought = {customer_id: sorted(days) for customer_id, days in bought.items()}
        self.spells = {
            customer_id: spells(owned, self.as_of) for customer_id, owned in subscriptions.items()
        }
        self.customers = sorted({*rows.customers, *self.bought, *subscriptions})

    # --- Stages ---------------------------------------------------------------------------------

    def stages(self) -> Answer:
        """Return in which stage each customer is at the end of some days, on both sides."""
        days = [f"on_{day:%Y_%m_%d}" for day in STAGE_DAYS]
        lines = [
            [customer_id, side, *(stage(customer_id, day) for day in STAGE_DAYS)]
            for customer_id in self.customers
            for side, stage in (
                ("orders", self.stage_of_buyer),
                ("subscriptions", self.stage_of_subscriber),
            )
        ]
        return ["customer_id", "side", *days], (line for line in lines if any(line[2:]))

    def stage_of_buyer(self, customer_id: str, day: date) -> str | None:
        """Return the stage by orders, None for a customer who is not known yet."""
        bought = [bought_on for bought_on in self.bought.get(customer_id, ()) if bought_on <= day]
        if not bought:
            return "prospect" if self.is_known(customer_id, day) else None
        days = (day - bought[-1]).days
        if days >= LAPSE_DAYS:
            return "lost" if days >= LOST_DAYS else "lapsed"
        if days >= AT_RISK_DAYS:
            return "at_risk"
        # An order on the day of the lapse comes in time.
        returns = [b for a, b in pairwise(bought) if (b - a).days > LAPSE_DAYS]
        if returns and (day - returns[-1]).days < NEW_DAYS:
            return "won_back"
        return "new" if len(bought) == 1 and days < NEW_DAYS else "active"

    def stage_of_subscriber(self, customer_id: str, day: date) -> str | None:
        """Return the stage by subscriptions, None before the first one."""
        owned = self.subscriptions.get(customer_id, ())
        moment = midnight(day + timedelta(days=1))
        if not any(item.versions[0]["started_at"] < moment for item in owned):
            return None
        paying = [s for item in owned for s in item.stretches if s.holds(moment)]
        begun = [spell for spell in self.spells[customer_id] if spell[0] <= day]
        if paying and pay_before(moment, owned):
            # The best item gives the stage.
            staying = [s for s in paying if not (s.announced_at and s.announced_at < moment)]
            if all(s.is_past_due for s in staying):
                return "past_due" if len(staying) == len(paying) else "set_to_end"
            is_return = len(begun) > 1 and (day - begun[-1][0]).days < NEW_DAYS
            return "returned" if is_return else "subscriber"
        waits = {wait.is_trial for item in owned for wait in item.waits if wait.holds(moment)}
        if waits:
            return "trial" if True in waits else "paused"
        if not begun:
            return "prospect"
        ended_on = begun[-1][1]
        return "lost" if ended_on and (day - ended_on).days >= LOST_DAYS else "churned"

    def is_known(self, customer_id: str, day: date) -> bool:
        """Tell whether the customer has signed up or subscribed by the end of a day."""
        moments = [self.rows.customers.get(customer_id, {}).get("signed_up_at")]
        owned = self.subscriptions.get(customer_id, ())
        moments += [item.versions[0]["started_at"] for item in owned]
        return any(moment.date() <= day for moment in moments if moment)

    # --- Milestones -----------------------------------------------------------------------------

    def milestones(self) -> Answer:
        """Return how many of each month's customers reached each milestone in time.

        A horizon is empty until all customers of the month have lived through it.
        """
        days_to = self.days_to_milestones()
        cohorts: defaultdict[date, list[str]] = defaultdict(list)
        for customer_id, begun_on in self.begun_on().items():
            cohorts[begun_on.replace(day=1)].append(customer_id)
        columns = [f"reached_{days}d" for days in HORIZONS]
        lines: list[list[Any]] = []
        for cohort, members in sorted(cohorts.items()):
            for milestone in sorted({row["milestone"] for row in self.rows.milestones}):
                reached = [days_to.get((customer_id, milestone)) for customer_id in members]
                counts = [
                    sum(days is not None and days <= horizon for days in reached)
                    if self.is_lived_through(cohort, horizon)
                    else None
                    for horizon in HORIZONS
                ]
                lines.append([cohort, milestone, len(members), *counts])
        return ["cohort_start", "milestone", "customers", *columns], lines

    def begun_on(self) -> dict[str, date]:
        """Return when each customer bought first, paid first or began a trial."""
        begun: dict[str, date] = {}
        for customer_id in self.customers:
            days = [*self.bought.get(customer_id, ())[:1]]
            for item in self.subscriptions.get(customer_id, ()):
                times = [*item.stretches, *(wait for wait in item.waits if wait.is_trial)]
                days += [time.begin.date() for time in times]
            if days and min(days) <= self.last_day:
                begun[customer_id] = min(days)
        return begun

    def days_to_milestones(self) -> dict[tuple[str, str], int]:
        """Return the days from the beginning until a customer first reached something."""
        begun = self.begun_on()
        days_to: dict[tuple[str, str], int] = {}
        for row in self.rows.milestones:
            if row["customer_id"] in begun:
                key = row["customer_id"], row["milestone"]
                days = max((row["reached_at"].date() - begun[row["customer_id"]]).days, 0)
                days_to[key] = min(days, days_to.get(key, days))
        return days_to

    def is_lived_through(self, cohort: date, days: int) -> bool:
        """Tell whether the youngest possible customer of a month has been one for some days."""
        youngest = state_at(cohort, self.as_of).date() - timedelta(days=1)
        return youngest + timedelta(days=days) <= self.last_day

    # --- Referrals and members ------------------------------------------------------------------

    def referrals(self) -> Answer:
        """Return the referrals of each month of signing up, and how many became customers."""
        sent_by = {
            customer_id: row["referred_by_customer_id"]
            for customer_id, row in self.rows.customers.items()
            if row.get("referred_by_customer_id")
        }
        begun = self.acquired_on()
        found: defaultdict[tuple[date, str], Counter[str]] = defaultdict(Counter)
        senders: defaultdict[tuple[date, str], set[str]] = defaultdict(set)
        for customer_id, sender in sent_by.items():
            signed_up_at = self.rows.customers[customer_id]["signed_up_at"]
            days = [signed_up_at and signed_up_at.date(), begun.get(customer_id)]
            sent_on = min((day for day in days if day), default=date.max)
            key = sent_on.replace(day=1), why_refused(customer_id, sent_by)
            senders[key].add(sender)
            found[key]["referred"] += 1
            found[key]["customers"] += customer_id in begun
        columns = ["month", "refused_because", "referrers", "referred_customers"]
        return [*columns, "became_customers"], (
            [*key, len(senders[key]), counts["referred"], counts["customers"]]
            for key, counts in sorted(found.items())
        )

    def acquired_on(self) -> dict[str, date]:
        """Return when each customer bought or paid for the first time."""
        firsts = [(customer_id, days[0]) for customer_id, days in self.bought.items()]
        firsts += [(key, found[0][0]) for key, found in self.spells.items() if found]
        acquired: dict[str, date] = {}
        for customer_id, day in firsts:
            acquired[customer_id] = min(day, acquired.get(customer_id, day))
        return acquired

    def loyalty_members(self) -> Answer:
        """Return how many customers joined the programme by the end of each month."""
        joined = Counter(
            month_of(row["loyalty_joined_at"])
            for row in self.rows.customers.values()
            if row.get("loyalty_joined_at") and row["loyalty_joined_at"] < self.as_of
        )
        members, lines = 0, []
        for month in months_from(min(joined), self.as_of):
            members += joined[month]
            lines.append([month, joined[month], members])
        return ["month", "joined_customers", "members_at_end"], lines


def midnight(day: date) -> datetime:
    """Return the moment that opens a day."""
    return datetime(day.year, day.month, day.day)


def why_refused(customer_id: str, sent_by: Mapping[str, str]) -> str:
    """Return why a referral is none: customers sent themselves, or one another in a circle."""
    if sent_by[customer_id] == customer_id:
        return "self"
    way = [customer_id]
    while (sender := sent_by.get(way[-1])) and sender not in way:
        way.append(sender)
    return "circle" if sent_by.get(way[-1]) == customer_id else ""
