"""Subscriptions read a second time: what each item pays, from when to when. All oracles share it.

The rows of an item are read in the order of their moments, as a person would. What a row says is a
Version. A version whose discount ends while it is in force becomes two Stretches.
"""

from collections import defaultdict
from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal

from shops.oracle import DAY, MONTHS_OF, exchanged, read_seed, to_cents

STATUSES = {row["raw_status"]: row for row in read_seed("subscription_statuses")}
NEVER_PAYING = ("paused", "unpaid", "incomplete")


class Stretch:
    """The state of an item from its effective moment on, or from the end of its discount on.

    `ends_at` is when it says that service ends, `in_force_to` when it ceased to be in force,
    `pays_to` when it stopped to pay before as_of, else None.
    """

    is_discounted = True

    def __init__(self, row, moment, ended_at, as_of_at):
        known = STATUSES[(row["status"] or "active").lower()]
        self.row, self.valid_from = row, moment
        self.subscription_id, self.item_id = row["subscription_id"], row.get("item_id") or "(none)"
        self.customer_id = row["customer_id"]
        self.status, self.is_set_to_end = known["status"], known["is_set_to_end"] == "true"
        self.quantity = 1 if row["quantity"] is None else row["quantity"]
        self.trial_ends_at = row["trial_ends_at"]
        self.discount_ends_at = row.get("discount_ends_at")
        self.service_ends_at = self.end_of_service(ended_at, as_of_at)

    def end_of_service(self, ended_at, as_of_at):
        """The end that the row names. What is more than ten years away is none."""
        is_leap_day = (as_of_at.month, as_of_at.day) == (2, 29)
        limit = as_of_at.replace(year=as_of_at.year + 10, day=28 if is_leap_day else as_of_at.day)
        ended_at, period_ends_at = (
            end if end and end <= limit else None
            for end in (ended_at, self.row["current_period_ends_at"])
        )
        is_over = self.status in ("canceled", "expired")
        if self.row.get("auto_renews") and not self.is_set_to_end:
            return self.valid_from if is_over else None
        if ended_at:
            return ended_at
        if is_over:
            return period_ends_at or self.valid_from
        return period_ends_at if self.is_set_to_end else None

    def is_in_force(self):
        return self.in_force_to is None or self.in_force_from < self.in_force_to

    def is_told_in_trial(self):
        if self.trial_ends_at:
            return self.trial_ends_at > self.valid_from
        return self.status == "trialing"

    def was_trial(self):
        if self.trial_ends_at:
            return self.trial_ends_at > self.in_force_from
        return self.status == "trialing"

    def pays_at(self, boundary):
        """Whether it pays just before the boundary."""
        return self.pays_from < boundary and (self.pays_to is None or self.pays_to >= boundary)

    def set_to_end_at(self):
        if self.cancel_requested_at:
            return self.cancel_requested_at
        return self.valid_from if self.service_ends_at or self.is_set_to_end else None

    def is_set_to_end_before(self, boundary):
        return self.set_to_end_at() is not None and self.set_to_end_at() < boundary

    def is_cancelled_by_choice(self):
        return self.cancel_requested_at is not None or self.is_set_to_end


class Subscriptions:
    """The stretches of each item, and those of each customer that pay before as_of."""

    def __init__(
        self,
        rows,
        oracle,
        churn_dated_on="service_end",
        past_due_pays=True,
        recurring_discount_counts=True,
        switch_gap_hours=24,
        date_only_ends="first_day_without",
    ):
        self.oracle, self.as_of_at = oracle, oracle.as_of_at
        self.churn_dated_on, self.past_due_pays = churn_dated_on, past_due_pays
        self.recurring_discount_counts = recurring_discount_counts
        self.switch_gap_hours, self.date_only_ends = switch_gap_hours, date_only_ends
        self.items = {
            key: self.stretches(states) for key, states in self.states(rows).items() if states
        }
        for stretches in self.items.values():
            self.price(stretches)
            self.find_payments(stretches)
        self.find_trials()
        self.find_switches()
        self.paying = defaultdict(list)
        for stretches in self.items.values():
            for one in stretches:
                if one.is_paying:
                    self.paying[one.customer_id].append(one)

    # From rows to the stretches in force

    def states(self, rows):
        """The rows that are states of an item, by item, in the order of their moments."""
        newest = {}
        for row in rows:
            moment = row.get("effective_at") or row.get("updated_at") or row["started_at"]
            key = row["subscription_id"], row.get("item_id") or "(none)", moment
            other = newest.setdefault(key, row)
            if (row.get("updated_at") or datetime.min) > (other.get("updated_at") or datetime.min):
                newest[key] = row
        states = defaultdict(list)
        for *item, moment in sorted(newest):
            row = newest[*item, moment]
            if not row.get("is_test"):
                states[tuple(item)].append((moment, row))
        for item, told in states.items():
            _, latest = told[-1]
            states[item] = [
                (moment, row)
                for moment, row in told
                if not latest.get("is_deleted")
                and not row.get("is_deleted")
                and row["customer_id"] == latest["customer_id"]
            ]
        return states

    def ended_at(self, row):
        """A bare date is a midnight of the shop: of that day, or of the day after."""
        end = row["ended_at"]
        if end is None or isinstance(end, datetime):
            return end
        is_last_day = self.date_only_ends == "last_day_of_service"
        return self.oracle.midnight(end + DAY if is_last_day else end)

    def stretches(self, states):
        versions = [
            Stretch(row, moment, self.ended_at(row), self.as_of_at) for moment, row in states
        ]
        self.spend_requests(versions)
        for number, version in enumerate(versions):
            version.ends_at = self.end(version, versions[number + 1 :])
        started_at = min(row["started_at"] for _, row in states)
        for number, version in enumerate(versions):
            later = versions[number + 1 :]
            version.in_force_from = max(version.valid_from, version.row["started_at"])
            if number == 0:
                version.in_force_from = started_at
            next_from = later[0].valid_from if later else None
            ends = [one.ends_at for one in later if one.ends_at and one.ends_at <= one.valid_from]
            # An end of its own at the moment of the next version leaves the word to that version.
            if version.ends_at and (next_from is None or version.ends_at < next_from):
                ends.append(version.ends_at)
            version.is_ended = bool(ends) and (next_from is None or min(ends) <= next_from)
            version.in_force_to = min([*ends, *([next_from] if next_from else [])], default=None)
            version.next_status = later[0].status if later else None
        return [stretch for version in versions for stretch in self.split(version)]

    @staticmethod
    def spend_requests(versions):
        """A version without an end takes back the earlier requests to cancel: they stay spent."""
        asked_at = spent = datetime.min
        for version in versions:
            request = version.row.get("cancel_requested_at") or datetime.min
            if version.service_ends_at is None:
                spent = asked_at
            else:
                asked_at = max(asked_at, request)
            version.cancel_requested_at = request if request > spent else None

    def end(self, version, later):
        """As the version says. A request dates it unless the end is taken back before it comes."""
        end, request = version.service_ends_at, version.cancel_requested_at
        if self.churn_dated_on == "service_end" or request is None:
            return end
        taken_back = [one.valid_from for one in later if one.service_ends_at is None]
        if end is None:
            return request
        return end if taken_back and taken_back[0] <= end else min(request, end)

    @staticmethod
    def split(version):
        end = version.discount_ends_at
        if end and end <= version.in_force_from:
            version.is_discounted = False
        elif end and version.row["discount_amount"] and end < (version.in_force_to or datetime.max):
            first = copy(version)
            first.in_force_to, first.is_ended, first.next_status = end, False, None
            version.in_force_from, version.is_discounted = end, False
            return [first, version]
        return [version]

    # What they are worth, and when they pay

    def price(self, stretches):
        """The same terms keep the exchange rate of their first day: rates move nothing."""
        priced_on = {}
        for one in stretches:
            # A discount with an end is no part of the terms.
            terms = self.amount(one, is_discounted=not one.discount_ends_at), *self.unit(one)
            day = priced_on.setdefault(terms, self.oracle.day(one.valid_from))
            one.mrr = self.mrr_on(one, day)

    def mrr_on(self, one, day):
        """What it is worth a month at the exchange rate of that day."""
        currency, interval, interval_count = self.unit(one)
        amount = exchanged(self.amount(one, one.is_discounted), currency, day)
        return to_cents(amount / MONTHS_OF[interval] / interval_count)

    def amount(self, one, is_discounted):
        discount = one.row["discount_amount"] if self.recurring_discount_counts else 0
        gross = Decimal(one.row["amount"]) * one.quantity
        return gross - Decimal(discount or 0) if is_discounted else gross

    @staticmethod
    def unit(one):
        return (
            one.row["currency"] or "USD",
            one.row["billing_interval"],
            one.row["interval_count"] or 1,
        )

    def find_payments(self, stretches):
        """Walk through the item: a trial counts, and past due does not, until something is paid."""
        was_tried = has_paid = False
        for one in stretches:
            one.pays_from, one.pays = one.in_force_from, False
            if not has_paid and one.trial_ends_at:
                one.pays_from = max(one.in_force_from, one.trial_ends_at)
            if one.is_in_force():
                was_tried = was_tried or one.is_told_in_trial()
                one.pays = (
                    one.mrr > 0
                    and one.status not in NEVER_PAYING
                    and (one.in_force_to is None or one.pays_from < one.in_force_to)
                    and (has_paid or self.pays_at_first(one, was_tried))
                    and (one.status != "past_due" or self.past_due_pays)
                )
                has_paid = has_paid or one.pays
            one.pays_to = one.in_force_to
            one.is_paying = one.pays and one.pays_from < self.as_of_at

    @staticmethod
    def pays_at_first(one, was_tried):
        is_on_trial = one.trial_ends_at and (one.status == "trialing" or one.is_told_in_trial())
        has_failed = one.next_status in ("past_due", *NEVER_PAYING)
        # Some sources tell that some seconds or hours later.
        if is_on_trial and has_failed and one.in_force_to <= one.trial_ends_at + DAY:
            return False
        if one.status == "trialing":
            return one.trial_ends_at
        return one.status != "past_due" or not was_tried

    def find_trials(self):
        """A trial counts only while no item of the subscription has paid."""
        paid_from = {}
        for one in (one for stretches in self.items.values() for one in stretches if one.pays):
            first = paid_from.setdefault(one.subscription_id, one.pays_from)
            paid_from[one.subscription_id] = min(first, one.pays_from)
        for one in (one for stretches in self.items.values() for one in stretches):
            one.is_trial = (
                one.is_in_force()
                and one.in_force_from < self.as_of_at
                and one.was_trial()
                and paid_from.get(one.subscription_id, datetime.max) > one.in_force_from
            )

    def find_switches(self):
        """An end shortly before the customer begins to pay for something is that beginning."""
        starts = defaultdict(list)
        for stretches in self.items.values():
            paid_to = None
            for one in (one for one in stretches if one.pays):
                if paid_to is None or paid_to != one.pays_from:
                    starts[one.customer_id].append(one.pays_from)
                paid_to = one.in_force_to
        for one in (one for stretches in self.items.values() for one in stretches):
            if one.pays and one.is_ended:
                switched = [at for at in starts[one.customer_id] if self.is_switch(one, at)]
                one.pays_to = min(switched, default=one.pays_to)
            if one.pays_to and one.pays_to >= self.as_of_at:
                # What ends at as_of or later has not ended yet.
                one.pays_to = None

    def is_switch(self, one, at):
        end = one.in_force_to
        if not end <= at:
            return False
        day = self.oracle.day(end)
        if end == self.oracle.midnight(day):
            # From midnight to midnight a day has 24 hours, whatever the clocks do.
            days = self.switch_gap_hours // 24 * DAY
            if at <= self.oracle.midnight(day + days):
                return True
        return at <= end + timedelta(hours=self.switch_gap_hours)
