"""Stages of the customer's journey, found day by day, in plain Python.

The stage of a day is what holds just before its end. A stage of the published tables is a stretch
of days with the same stage.
"""

from collections import Counter, defaultdict
from fractions import Fraction
from itertools import pairwise

from cohort_oracle import CohortOracle
from shops.accounts import as_one
from shops.oracle import DAY, period_of, read_seed

RANKS = {row["stage"]: int(row["rank"]) for row in read_seed("journey_stages")}
STOPPED = ("paused", "unpaid", "incomplete", "past_due")


class JourneyOracle(CohortOracle):
    """What the marts of the journey must say of a shop, besides those of cohorts and retention."""

    def __init__(self, shop, found, *arguments, journey, **policy):
        super().__init__(shop, found["core.dim_customers"], *arguments, **policy)
        self.lapse = self.order_lapse.days
        self.new, self.lost = journey["new_customer_days"], journey["lost_days"]
        self.at_risk = min(journey["at_risk_days"], self.lapse)
        self.end_reasons = {
            (row["customer_id"], row["ended_on"]): row["end_reason"]
            for row in found["core.fct_subscription_spells"]
        }
        self.read_accounts(as_one(shop, self.as_of_at))
        self.first_month = period_of(self.first_day_of_data(shop), "month")
        self.changes = [
            change for customer in sorted(self.known_on) for change in self.changes_of(customer)
        ]

    # What the raw rows say

    def read_segments(self, dim_customers):
        """Prospects are in the segments too."""
        for row in dim_customers:
            self.add_to_segments(row["customer_id"], row)

    def read_accounts(self, shop):
        """The first day known of each customer, and the stretches of the items of each."""
        self.items_of, days = defaultdict(list), defaultdict(list)
        for stretches in self.subscriptions.items.values():
            started = [one for one in stretches if one.in_force_from < self.as_of_at]
            for one in started:
                days[one.customer_id].append(self.day(one.in_force_from))
            in_force = [one for one in started if one.is_in_force()]
            if in_force:
                self.items_of[in_force[0].customer_id].append(in_force)
        for row in shop["customers"]:
            if row["signed_up_at"] and row["signed_up_at"] < self.as_of_at:
                days[row["customer_id"]].append(self.day(row["signed_up_at"]))
        # A credit note may name no customer.
        self.revenue.pop(None, None)
        for customer, revenue in self.revenue.items():
            days[customer] += [day for day, _ in revenue]
        self.known_on = {customer: min(its_days) for customer, its_days in days.items() if its_days}

    def first_day_of_data(self, shop):
        """A sign-up is no data: it may be years older."""
        days = [day for revenue in self.revenue.values() for day, _ in revenue]
        days += [
            self.day(order["ordered_at"])
            for order in shop["orders"]
            if order["customer_id"] is None
            and order["status"] not in ("cancelled", "void", "failed")
            and not order["is_test"]
            and order["ordered_at"] < self.as_of_at
        ]
        for one in (one for items in self.items_of.values() for item in items for one in item):
            if one.is_trial:
                days.append(self.day(one.in_force_from))
            elif one.is_paying:
                days.append(self.day(one.pays_from))
        return min(days, default=self.last_day)

    # The stage of a day

    def buyer_stage(self, customer, day):
        purchases = [one for one in self.purchase_days.get(customer, []) if one <= day]
        if not purchases:
            return "prospect"
        returns = [one for before, one in pairwise(purchases) if (one - before).days > self.lapse]
        new = min(self.new, self.at_risk)
        if returns and (day - returns[-1]).days < new:
            return "won_back"
        days = (day - purchases[-1]).days
        if len(purchases) == 1 and days < new:
            return "new"
        if days < self.at_risk:
            return "active"
        if days < self.lapse:
            return "at_risk"
        return "lapsed" if days < max(self.lost, self.lapse) else "lost"

    def subscriber_stage(self, customer, day):
        """None until a version was in force."""
        midnight = self.midnight(day + DAY)
        items = self.items_of[customer]
        if not any(one.in_force_from < midnight for item in items for one in item):
            return None
        spells = [spell for spell in self.all_spells[customer] if spell[0] <= day]
        if spells and day < spells[-1][1]:
            paying = [one for item in items for one in item if self.is_paid(one, midnight)]
            if paying and all(one.is_set_to_end_before(midnight) for one in paying):
                return "set_to_end"
            late = [one for one in paying if one.status == "past_due"]
            if paying and all(one in late or one.is_set_to_end_before(midnight) for one in paying):
                return (
                    "set_to_end"
                    if any(one.is_set_to_end_before(midnight) for one in paying)
                    else "past_due"
                )
            is_back = len(spells) > 1 and (day - spells[-1][0]).days < self.new
            return "returned" if is_back else "subscriber"
        if any(self.is_tried(one, midnight) for item in items for one in item):
            return "trial"
        if any(self.is_stopped(item, midnight) for item in items):
            return "paused"
        if not spells:
            return "prospect"
        return "churned" if (day - spells[-1][1]).days < self.lost else "lost"

    @staticmethod
    def is_paid(one, midnight):
        return one.is_paying and one.pays_at(midnight)

    @staticmethod
    def is_tried(one, midnight):
        ends = [end for end in (one.trial_ends_at, one.in_force_to) if end]
        return one.is_trial and one.in_force_from < midnight <= min([*ends, midnight])

    @staticmethod
    def is_stopped(item, midnight):
        """Whether an item that has paid is in force and stopped."""
        return any(
            one.status in STOPPED
            and not one.is_paying
            and one.in_force_from < midnight <= (one.in_force_to or midnight)
            and any(paid.is_paying and paid.pays_from <= one.in_force_from for paid in item)
            for one in item
        )

    @property
    def all_spells(self):
        if not hasattr(self, "_spells"):
            self._spells = defaultdict(
                list, {customer: self.spells(customer) for customer in self.paying}
            )
        return self._spells

    # Why it was entered

    def buyer_reason(self, customer, day, before, stage):
        new = min(self.new, self.at_risk)
        if before is None and stage == "prospect":
            return "first known"
        if stage == "new":
            return "first order"
        if stage == "won_back":
            return "order after a lapse"
        if stage == "active":
            if before == "won_back":
                return f"{new} days after the return"
            has_bought = day in self.purchase_days[customer]
            return "order" if has_bought else f"{new} days after the first order"
        days = {
            "at_risk": self.at_risk,
            "lapsed": self.lapse,
            "lost": max(self.lost, self.lapse),
        }
        return f"{days[stage]} days without an order"

    def subscriber_reason(self, customer, day, before, stage):
        match before, stage:
            case _, "trial":
                return "trial began"
            case _, "set_to_end":
                return "end announced"
            case _, "past_due":
                return "payment overdue"
            case _, "paused":
                return "paused or unpaid"
            case "set_to_end", "subscriber" | "returned":
                return "end taken back or replaced"
            case "past_due", "subscriber" | "returned":
                return "paid again"
            case "returned", "subscriber":
                return f"{self.new} days after the return"
            case "paused", "returned" | "subscriber":
                return "payment after a pause"
            case _, "returned":
                return "payment after an end"
            case _, "subscriber":
                return "first payment"
            case "trial", _:
                return "trial ended without payment"
            case "paused", _:
                return "ended in a pause"
            case _, "churned":
                return f"ended: {self.end_reasons[customer, day]}"
            case _, "lost":
                return f"{self.lost} days after the end"
        return "subscription without payment"

    # The stretches of days

    def changes_of(self, customer):
        """A row for each stage that the customer entered."""
        before = {"orders": None, "subscriptions": None, "overall": None}
        entered = {}
        day = self.known_on[customer]
        while day < self.as_of:
            stages = {
                "orders": self.buyer_stage(customer, day),
                "subscriptions": self.subscriber_stage(customer, day),
            }
            stages["overall"] = min(filter(None, stages.values()), key=RANKS.get)
            reasons = {}
            for side, reason_of in (
                ("orders", self.buyer_reason),
                ("subscriptions", self.subscriber_reason),
            ):
                if stages[side] != before[side]:
                    reasons[side] = reason_of(customer, day, before[side], stages[side])
            # If both sides have the stage, the one that entered it today made it the overall one.
            sides = [
                side for side in ("orders", "subscriptions") if stages[side] == stages["overall"]
            ]
            giver = next((side for side in sides if side in reasons), sides[0])
            reasons["overall"] = reasons.get(giver) or entered[giver]["reason"]
            for side, stage in stages.items():
                if stage != before[side]:
                    if side in entered:
                        yield entered[side] | {"left_on": day}
                    entered[side] = {
                        "customer_id": customer,
                        "side": side,
                        "stage": stage,
                        "previous_stage": before[side],
                        "reason": reasons[side],
                        "entered_on": day,
                    }
            before = stages
            day += DAY
        for row in entered.values():
            yield row | {"left_on": None}

    # The marts

    def fct_stage_changes(self):
        return self.changes

    def segmented(self):
        """(segment, value, side, its changes) of each segment."""
        for (name, value), members in self.segments.items():
            for side in ("orders", "subscriptions", "overall"):
                changes = [
                    row
                    for row in self.changes
                    if row["customer_id"] in members and row["side"] == side
                ]
                yield {"segment_name": name, "segment_value": value, "side": side}, changes

    def rpt_stage_flows(self):
        for columns, changes in self.segmented():
            for month, end, _, is_complete in self.periods_from(self.first_month, "month"):
                flows = Counter(
                    (row["previous_stage"] or "(none)", row["stage"])
                    for row in changes
                    if month <= row["entered_on"] < end
                )
                for (before, stage), customers in flows.items():
                    yield columns | {
                        "month": month,
                        "from_stage": before,
                        "to_stage": stage,
                        "customers": customers,
                        "is_complete": is_complete,
                    }

    def rpt_stages(self):
        for columns, changes in self.segmented():
            for stage in {row["stage"] for row in changes}:
                stays = [row for row in changes if row["stage"] == stage]
                first = period_of(min(row["entered_on"] for row in stays), "month")
                first = max(first, self.first_month)
                for month, end, state_date, is_complete in self.periods_from(first, "month"):
                    began = [row for row in stays if month <= row["entered_on"] < end]
                    yield columns | {
                        "stage": stage,
                        "month": month,
                        "customers_at_start": sum(self.is_in(row, month) for row in stays),
                        "entered_customers": len(began),
                        "left_customers": sum(
                            row["left_on"] is not None and month <= row["left_on"] < end
                            for row in stays
                        ),
                        "customers_at_end": sum(self.is_in(row, state_date) for row in stays),
                        "median_days_in_stage": self.median_days(began),
                        "is_complete": is_complete,
                    }

    @staticmethod
    def is_in(row, day):
        """Whether the customer is in the stage just before the day."""
        return row["entered_on"] < day and (row["left_on"] is None or row["left_on"] >= day)

    def median_days(self, stays):
        """The first duration that at most half of them outlast, by Kaplan-Meier."""
        lasted = [
            (((row["left_on"] or self.last_day) - row["entered_on"]).days, bool(row["left_on"]))
            for row in stays
        ]
        survival = Fraction(1)
        for days in sorted({days for days, is_over in lasted if is_over}):
            at_risk = sum(its_days >= days for its_days, _ in lasted)
            survival *= 1 - Fraction(lasted.count((days, True)), at_risk)
            if survival <= Fraction(1, 2):
                return days
        return None
