"""Where customers stand, what they reached, and whom they sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from truth.months import next_month
from truth.rows import CountedRows
from truth.subscriptions import Item, pay_before, spells

Answer = tuple[Sequence[str], Iterable[Sequence[Any]]]

NEW_DAYS, AT_RISK_DAYS, LAPSE_DAYS, LOST_DAYS = 30, 60, 90, 365
# A month end in the middle, one amid many changes, and the last day of the data.
STAGE_DAYS = (date(2024, 6, 30), date(2025, 3, 31), date(2025, 12, 17))
HORIZONS = (1, 7, 14, 30)
# Customers are told apart on the landmark, and compared later. Members are compared once.
LANDMARK_DAYS, RETENTION_DAYS, MEMBER_DAYS = 30, (90, 180), 180


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
        self.sent_by = {
            customer_id: row["referred_by_customer_id"]
            for customer_id, row in rows.customers.items()
            if row.get("referred_by_customer_id")
        }
        for customer_id in self.sent_by:
            if reason := self.why_refused(customer_id):
                rows.unknown["customers", f"its referral is not counted: {reason}"] += 1

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

        A horizon is empty until the month is over, and all its customers have lived through it.
        """
        begun, days_to = self.begun_on(), self.days_to_milestones()
        cohorts: defaultdict[date, list[str]] = defaultdict(list)
        for customer_id, begun_on in begun.items():
            cohorts[begun_on.replace(day=1)].append(customer_id)
        columns = [f"reached_{days}d" for days in HORIZONS]
        lines: list[list[Any]] = []
        for cohort, members in sorted(cohorts.items()):
            for milestone in sorted({row["milestone"] for row in self.rows.milestones}):
                reached = [days_to.get((customer_id, milestone)) for customer_id in members]
                counts = [
                    sum(days is not None and days <= horizon for days in reached)
                    if self.is_lived_through(horizon, [begun[key] for key in members])
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

    def is_lived_through(self, days: int, begun: Iterable[date]) -> bool:
        """Tell whether the customers who began on these days have been customers for so long."""
        youngest = max(begun)
        is_month_over = next_month(youngest.replace(day=1)) <= self.as_of.date()
        return is_month_over and youngest + timedelta(days=days) <= self.last_day

    def retention_by_milestone(self) -> Answer:
        """Return how many stay of those who had reached a milestone by the landmark, and of others.

        Counted are only customers who buy or pay on the landmark, and who have lived through the
        horizon.
        """
        begun, days_to = self.begun_on(), self.days_to_milestones()
        columns = ["reached_customers", "reached_retained_customers"]
        columns += ["other_customers", "other_retained_customers"]
        lines: list[list[Any]] = []
        for horizon in RETENTION_DAYS:
            compared = [
                customer_id
                for customer_id, day in begun.items()
                if day + timedelta(days=horizon) <= self.last_day
                and self.is_active(customer_id, day + timedelta(days=LANDMARK_DAYS))
            ]
            stayed = {
                customer_id: self.is_active(
                    customer_id, begun[customer_id] + timedelta(days=horizon)
                )
                for customer_id in compared
            }
            for milestone in sorted({row["milestone"] for row in self.rows.milestones}):
                counts = Counter()
                for customer_id in compared:
                    days = days_to.get((customer_id, milestone))
                    has_reached = days is not None and days <= LANDMARK_DAYS
                    counts[has_reached] += 1
                    counts[has_reached, "stayed"] += stayed[customer_id]
                both = [counts[k] for side in (True, False) for k in (side, (side, "stayed"))]
                lines.append([milestone, horizon, *both])
        return ["milestone", "horizon_days", *columns], lines

    def is_active(self, customer_id: str, day: date) -> bool:
        """Tell whether the customer has an order that carries, or pays, at the end of a day."""
        return any(
            0 <= (day - bought_on).days < LAPSE_DAYS
            for bought_on in self.bought.get(customer_id, ())
        ) or any(
            started_on <= day and not (ended_on and ended_on <= day)
            for started_on, ended_on in self.spells.get(customer_id, ())
        )

    # --- Referrals and members ------------------------------------------------------------------

    def referrals(self) -> Answer:
        """Return the referrals of each month, and how many became customers.

        A referral dates from the account, or from the first purchase if the account has no date.
        """
        acquired = self.acquired_on()
        senders: defaultdict[date, set[str]] = defaultdict(set)
        referred, became = Counter(), Counter()
        for customer_id, sender in self.sent_by.items():
            signed_up_at = self.rows.customers[customer_id]["signed_up_at"]
            sent_on = signed_up_at.date() if signed_up_at else acquired.get(customer_id)
            if not sent_on or self.why_refused(customer_id):
                continue
            month = sent_on.replace(day=1)
            senders[month].add(sender)
            referred[month] += 1
            became[month] += customer_id in acquired
        return ["month", "referrers", "referred_customers", "became_customers"], (
            [month, len(senders[month]), referred[month], became[month]]
            for month in sorted(referred)
        )

    def why_refused(self, customer_id: str) -> str | None:
        """Return why a referral is none: customers sent themselves, or each other in a circle."""
        if self.sent_by[customer_id] == customer_id:
            return "self-referral"
        way = [customer_id]
        while (sender := self.sent_by.get(way[-1])) and sender not in way:
            way.append(sender)
        return "circle of referrals" if sender == customer_id else None

    def acquired_on(self) -> dict[str, date]:
        """Return when each customer bought or paid for the first time."""
        firsts = [(customer_id, days[0]) for customer_id, days in self.bought.items()]
        firsts += [(key, found[0][0]) for key, found in self.spells.items() if found]
        acquired: dict[str, date] = {}
        for customer_id, day in firsts:
            acquired[customer_id] = min(day, acquired.get(customer_id, day))
        return acquired

    def loyalty_members(self) -> Answer:
        """Return how many of each month's buyers stay half a year, members and others.

        Members are those who joined within the landmark days after the first purchase.
        """
        customers, retained = Counter(), Counter()
        for customer_id, bought in self.bought.items():
            day = bought[0] + timedelta(days=MEMBER_DAYS)
            if day > self.last_day:
                continue
            joined_at = self.rows.customers.get(customer_id, {}).get("loyalty_joined_at")
            landmark = bought[0] + timedelta(days=LANDMARK_DAYS)
            key = bought[0].replace(day=1), bool(joined_at and joined_at.date() <= landmark)
            customers[key] += 1
            last = max(bought_on for bought_on in bought if bought_on <= day)
            retained[key] += (day - last).days < LAPSE_DAYS
        return ["cohort_start", "is_member", "customers", "retained_customers"], (
            [*key, customers[key], retained[key]] for key in sorted(customers)
        )


def midnight(day: date) -> datetime:
    """Return the moment that opens a day."""
    return datetime(day.year, day.month, day.day)
