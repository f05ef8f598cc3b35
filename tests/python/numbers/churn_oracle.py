"""Recurring revenue, churn reasons, trials and survival, counted a second time in plain Python.

`scipy.stats.ecdf` draws the survival curves, unless spells enter late: scipy does not know that.
"""

from collections import Counter, defaultdict
from datetime import date
from fractions import Fraction
from itertools import accumulate, count
from math import fsum
from operator import mul

import numpy as np
from scipy.stats import CensoredData, ecdf, norm
from shops.accounts import as_one
from shops.oracle import (
    DAY,
    NOTHING,
    SEGMENTS,
    Oracle,
    following,
    interval_name,
    period_of,
    rate,
    read_seed,
    to_cents,
    wilson,
)
from shops.subscriptions import Subscriptions

MAPPED_REASONS = {row["raw_reason"]: row for row in read_seed("churn_reasons")}
STOPPING_STATUSES = ("paused", "unpaid", "incomplete", "past_due")
MOVEMENTS = {
    "new": "new_mrr",
    "reactivation": "reactivation_mrr",
    "expansion": "expansion_mrr",
    "contraction": "contraction_mrr",
    "churn": "churned_mrr",
}


def mrr_of(versions):
    return sum((version.mrr for version in versions), NOTHING)


def month_after(day, months):
    """The same day of a later month, or the last day of a month that is too short."""
    month = day.replace(day=1)
    for _ in range(months):
        month = following(month, "month")
    last = (following(month, "month") - DAY).day
    return month.replace(day=min(day.day, last))


class ChurnOracle(Oracle):
    """What the marts of recurring revenue, churn, trials and survival must say of a shop."""

    def __init__(
        self,
        tables,
        zone,
        as_of,
        nrr_includes_reactivation=False,
        reactivation_gap_days=0,
        subscriptions_observed_from="",
        **policy,
    ):
        super().__init__(zone, as_of)
        tables = as_one(tables, self.as_of_at)
        self.observed_from = date.fromisoformat(subscriptions_observed_from or "0001-01-01")
        self.nrr_includes_reactivation = nrr_includes_reactivation
        self.reactivation_gap = reactivation_gap_days * DAY
        self.subscriptions = Subscriptions(tables["subscriptions"], self, **policy)
        self.items, self.paying = self.subscriptions.items, self.subscriptions.paying
        self.read_segments(tables["customers"])
        self.read_months()

    # What the raw rows say

    def read_segments(self, customers):
        known = {row["customer_id"]: row for row in customers}
        for versions in self.items.values():
            customer = versions[0].customer_id
            first = min(
                self.paying[customer],
                key=lambda version: (
                    *(version.pays_from, version.subscription_id, -version.mrr),
                    version.item_id,
                ),
                default=None,
            )
            attributes = known.get(customer, {}) | {
                "first_plan_id": first and first.row["plan_id"],
                "first_billing_interval": first
                and interval_name(first.row["billing_interval"], first.row["interval_count"] or 1),
            }
            self.add_to_segments(
                customer, {name: attributes.get(name) or "(none)" for name in SEGMENTS}
            )

    def read_months(self):
        """Each month from the first paying day on, and who paid what just before its end."""
        versions = [version for its_versions in self.paying.values() for version in its_versions]
        first = min((version.pays_from for version in versions), default=self.as_of_at)
        start = period_of(self.day(first), "month")
        periods = list(self.periods_from(start, "month"))
        self.months = [month for month, *_ in periods]
        self.is_complete = [is_complete for *_, is_complete in periods]
        # One more than months: the first one opens the first month.
        self.boundaries = [
            self.midnight(day) for day in (start, *(state_date for _, _, state_date, _ in periods))
        ]
        self.states = {
            customer: [
                [version for version in its_versions if version.pays_at(boundary)]
                for boundary in self.boundaries
            ]
            for customer, its_versions in self.paying.items()
        }
        self.mrr = {
            customer: [mrr_of(state) for state in states]
            for customer, states in self.states.items()
        }

    def reason(self, version):
        """Why it stopped paying: (reason, is it voluntary, is it not mapped)."""
        versions = self.items[version.subscription_id, version.item_id]
        later = versions[versions.index(version) + 1 :]
        # The last version that gives this moment as its end ...
        end = version.in_force_to
        dating = [one for one in (*reversed(later), version) if one.ends_at == end][:1]
        # ... and the state that began at that moment.
        taking_over = [one for one in later[:1] if one.in_force_from == end]
        statuses = {one.status for one in (version, *dating, *taking_over)}
        is_overdue = bool(statuses & {"past_due", "unpaid"})
        is_term_completed = (
            [one.status for one in dating] == ["expired"]
            and version.status != "canceled"
            and not any(one.is_cancelled_by_choice() for one in (version, *dating))
        )
        text = next((one.row["cancel_reason"] for one in dating), None)
        status = next((one.status for one in taking_over), None)
        word = text
        if not text and is_term_completed and not is_overdue:
            word = "term completed"
        elif not text and status in STOPPING_STATUSES:
            word = status
        mapped = MAPPED_REASONS.get(word.lower()) if word else None
        if is_overdue:
            is_voluntary = False
        elif mapped:
            is_voluntary = mapped["is_voluntary"] == "true"
        else:
            is_voluntary = None if word == "term completed" or status == "incomplete" else True
        reason = mapped["reason"] if mapped else "(unmapped)" if text else word or "(none)"
        return reason, is_voluntary, bool(text and not mapped)

    @staticmethod
    def last_to_end(versions):
        """The version that ended last. Of two at one moment, the lower subscription and item."""
        versions = sorted(versions, key=lambda one: (one.subscription_id, one.item_id))
        return max(versions, key=lambda version: version.pays_to)

    # The marts

    def spells(self, customer):
        """The spells of the customer, as lists of versions. A spell bridges short gaps."""
        spells = []
        runs_to = date.min
        for version in sorted(self.paying[customer], key=lambda version: version.pays_from):
            if not spells or self.day(version.pays_from) - runs_to > self.reactivation_gap:
                spells.append([])
            spells[-1].append(version)
            runs_to = max(runs_to, self.day(version.pays_to) if version.pays_to else date.max)
        return spells

    def fct_subscription_spells(self):
        for customer in self.paying:
            for number, spell in enumerate(self.spells(customer), start=1):
                began_at = min(version.pays_from for version in spell)
                last = None
                if all(version.pays_to for version in spell):
                    last = self.last_to_end(spell)
                    # A later start may still bridge a gap at the end of the data.
                    if self.as_of - self.day(last.pays_to) < self.reactivation_gap:
                        last = None
                reason, is_voluntary, _ = self.reason(last) if last else (None, None, None)
                yield {
                    "spell_id": f"{customer}-{number}",
                    "customer_id": customer,
                    "spell_number": number,
                    "started_on": self.day(began_at),
                    "ended_on": self.day(last.pays_to) if last else None,
                    "end_reason": reason,
                    "is_voluntary": is_voluntary,
                    "start_mrr": mrr_of(one for one in spell if one.pays_from == began_at),
                    "end_mrr": mrr_of(
                        one for one in spell if one.pays_to == (last and last.pays_to)
                    ),
                }

    def movement(self, customer, number):
        """How the recurring revenue of the customer moved in the month, or None."""
        before, now = self.mrr[customer][number : number + 2]
        if before == now:
            return None
        if before == 0:
            return "reactivation" if any(self.mrr[customer][:number]) else "new"
        if now == 0:
            return "churn"
        return "expansion" if now > before else "contraction"

    def roll_forward(self, customer, number):
        """The opening MRR, the five movements, and the closing MRR."""
        before, now = self.mrr[customer][number : number + 2]
        movement = self.movement(customer, number)
        moved = {
            column: abs(now - before) if name == movement else NOTHING
            for name, column in MOVEMENTS.items()
        }
        return {"opening_mrr": before, **moved, "closing_mrr": now}

    def fct_mrr_movements(self):
        for customer, states in self.states.items():
            for number, month in enumerate(self.months):
                if movement := self.movement(customer, number):
                    yield {
                        "customer_id": customer,
                        "month": month,
                        "movement": movement,
                        "is_complete": self.is_complete[number],
                        **self.roll_forward(customer, number),
                        **self.of_state("before", states[number]),
                        **self.of_state("after", states[number + 1]),
                    }

    @staticmethod
    def of_state(when, state):
        plans = {version.row["plan_id"] or "(none)" for version in state}
        return {
            f"subscriptions_{when}": len({version.subscription_id for version in state}),
            f"plans_{when}": ", ".join(sorted(plans)) or None,
            f"quantity_{when}": sum(version.quantity for version in state),
        }

    def rpt_churn_reasons(self):
        for number, month in enumerate(self.months):
            churned = defaultdict(list)
            for customer, versions in self.paying.items():
                if self.movement(customer, number) == "churn":
                    closes = self.boundaries[number + 1]
                    ended = [one for one in versions if one.pays_to and one.pays_to < closes]
                    *reason, is_unmapped = self.reason(self.last_to_end(ended))
                    churned[tuple(reason)].append((self.mrr[customer][number], is_unmapped))
            for (reason, is_voluntary), its_customers in churned.items():
                yield {
                    "month": month,
                    "reason": reason,
                    "is_voluntary": is_voluntary,
                    "customers": len(its_customers),
                    "churned_mrr": sum(mrr for mrr, _ in its_customers),
                    "unmapped_customers": sum(is_unmapped for _, is_unmapped in its_customers),
                    "is_complete": self.is_complete[number],
                }

    def is_short_lived(self, customer, number):
        """Whether the customer paid within the month, but not at its start or its end."""
        opens, closes = self.boundaries[number : number + 2]
        return not any(self.mrr[customer][number : number + 2]) and any(
            version.pays_from < closes and (version.pays_to or closes) > opens
            for version in self.paying[customer]
        )

    def rpt_mrr(self):
        for (name, value), members in self.segments.items():
            present = sorted(members & self.states.keys())
            has_begun = False
            for number, month in enumerate(self.months):
                short_lived = sum(self.is_short_lived(customer, number) for customer in present)
                paid = any(self.mrr[customer][number + 1] for customer in present)
                has_begun = has_begun or short_lived > 0 or paid
                if has_begun:
                    yield {
                        "segment_name": name,
                        "segment_value": value,
                        "month": month,
                        "short_lived_customers": short_lived,
                        "is_complete": self.is_complete[number],
                        "is_left_truncated": month < self.observed_from,
                    } | self.recurring_revenue(present, number)

    def recurring_revenue(self, customers, number):
        rolled = [self.roll_forward(customer, number) for customer in customers]
        total = {column: sum((row[column] for row in rolled), NOTHING) for column in rolled[0]}
        opening, closing = total["opening_mrr"], total["closing_mrr"]
        gained = total["expansion_mrr"]
        if self.nrr_includes_reactivation:
            gained += total["reactivation_mrr"]
        lost = total["contraction_mrr"] + total["churned_mrr"]
        movements = Counter(self.movement(customer, number) for customer in customers)
        at_start = sum(row["opening_mrr"] > 0 for row in rolled)
        at_end = sum(row["closing_mrr"] > 0 for row in rolled)
        low, high = wilson(movements["churn"], at_start)
        # The end of the month twelve months before.
        year_ago = number + 1 - 12
        then_and_now = [
            (self.mrr[customer][year_ago], self.mrr[customer][number + 1])
            for customer in customers
            if year_ago >= 0 and self.mrr[customer][year_ago] > 0
        ]
        then = sum(mrr for mrr, _ in then_and_now)
        return total | {
            "arr": 12 * closing,
            "arpa": to_cents(Fraction(closing) / at_end) if at_end else None,
            "customers_at_start": at_start,
            "customers_at_end": at_end,
            "merged_customers": 0,
            "new_customers": movements["new"],
            "reactivated_customers": movements["reactivation"],
            "churned_customers": movements["churn"],
            "nrr": rate(opening + gained - lost, opening),
            "grr": rate(opening - lost, opening),
            "net_revenue_churn_rate": rate(lost - gained, opening),
            "revenue_churn_rate": rate(lost, opening),
            "nrr_trailing_12m": rate(sum(now for _, now in then_and_now), then),
            "grr_trailing_12m": rate(sum(min(pair) for pair in then_and_now), then),
            "quick_ratio": rate(
                total["new_mrr"] + total["reactivation_mrr"] + total["expansion_mrr"], lost
            ),
            "logo_churn_rate": rate(movements["churn"], at_start),
            "logo_churn_ci_low": low,
            "logo_churn_ci_high": high,
            "committed_mrr": mrr_of(
                version
                for customer in customers
                for version in self.states[customer][number + 1]
                if not version.is_set_to_end_before(self.boundaries[number + 1])
            ),
        }

    def trials(self):
        """(customer, month, outcome) of each subscription that was on trial."""
        subscriptions = defaultdict(list)
        for (subscription_id, _), versions in self.items.items():
            subscriptions[subscription_id] += versions
        for versions in subscriptions.values():
            on_trial = [version for version in versions if version.is_trial]
            if on_trial:
                began_at = min(version.in_force_from for version in on_trial)
                if any(version.is_paying and version.pays_from > began_at for version in versions):
                    outcome = "converted"
                else:
                    is_running = any(
                        all(
                            end is None or end >= self.as_of_at
                            for end in (version.in_force_to, version.trial_ends_at)
                        )
                        for version in on_trial
                    )
                    outcome = "running" if is_running else "lost"
                customer = on_trial[-1].customer_id
                yield customer, period_of(self.day(began_at), "month"), outcome

    def rpt_trials(self):
        trials = list(self.trials())
        for (name, value), members in self.segments.items():
            outcomes = defaultdict(Counter)
            for customer, month, outcome in trials:
                if customer in members:
                    outcomes[month][outcome] += 1
            for month, became in outcomes.items():
                converted, started = became["converted"], became.total()
                low, high = wilson(converted, started)
                yield {
                    "segment_name": name,
                    "segment_value": value,
                    "month": month,
                    "trials_started": started,
                    "trials_converted": converted,
                    "trials_running": became["running"],
                    "conversion_rate": rate(converted, started),
                    "conversion_ci_low": low,
                    "conversion_ci_high": high,
                    "is_complete": following(month, "month") <= self.as_of
                    and not became["running"],
                }

    def durations(self, started_on, ended_on):
        """(unit, duration) of a spell. The month of its end counts, a running month does not."""
        until = ended_on or self.as_of - DAY
        yield "day", (until - started_on).days
        months = next(n for n in count() if month_after(started_on, n) >= until)
        if ended_on is None and month_after(started_on, months) > until:
            months -= 1
        yield "month", months

    def seen(self, spell):
        """(unit, (entry, duration, is it an end)) of the spell, if it outlasts its entry.

        The entry is the last duration at which nobody would have recorded the end, or -1.
        """
        began, ended = spell["started_on"], spell["ended_on"]
        entries = {"day": -1, "month": -1}
        if began < self.observed_from:
            # As of a spell that ends on that day: its month counts as a whole.
            entries = dict(self.durations(began, self.observed_from))
        for unit, duration in self.durations(began, ended):
            if duration > entries[unit]:
                yield unit, (entries[unit], duration, ended is not None)

    def rpt_subscription_survival(self):
        seen_of = defaultdict(list)
        for spell in self.fct_subscription_spells():
            seen_of[spell["customer_id"]] += self.seen(spell)
        curves = {}
        for segment, members in self.segments.items():
            its_spells = defaultdict(list)
            for customer in members:
                for unit, spell in seen_of[customer]:
                    its_spells[unit].append(spell)
            curves |= {(*segment, unit): spells for unit, spells in its_spells.items()}
        for (name, value, unit), spells in curves.items():
            common = min(
                max(duration for _, duration, _ in others)
                for (*_, its_unit), others in curves.items()
                if its_unit == unit
            )
            for row in survival_curve(spells, common):
                yield {"segment_name": name, "segment_value": value, "time_unit": unit} | row


def survival_curve(spells, common):
    """A row for every duration, from (entry, duration, is it an end) of each spell.

    Where all spells are at risk from the start, scipy draws the curve. Other curves are drawn by
    the definition: at risk at t is who entered before t and has not left before t.
    """
    entries, durations, is_end = (np.array(column) for column in zip(*spells, strict=True))
    times = np.arange(durations.max() + 1)
    at_risk = np.array([np.sum((entries < t) & (durations >= t)) for t in times])
    died = np.array([np.sum(durations[is_end] == t) for t in times])
    left = np.array([np.sum(durations[~is_end] == t) for t in times])
    exact = list(
        accumulate(
            (
                Fraction(int(n - d), int(n)) if n else Fraction(1)
                for d, n in zip(died, at_risk, strict=True)
            ),
            mul,
        )
    )
    median = next((t for t, survival in enumerate(exact) if survival <= Fraction(1, 2)), None)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(np.where(died, died / (at_risk * (at_risk - died)), 0))
    if np.all(entries < 0):
        curve = ecdf(CensoredData(uncensored=durations[is_end], right=durations[~is_end])).sf
        interval = curve.confidence_interval(0.95, method="log-log")
        survival, low, high = (
            part.evaluate(times) for part in (curve, interval.low, interval.high)
        )
    else:
        survival = np.array(exact, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_log = np.log(-np.log(survival))
            width = norm.ppf(0.975) * np.sqrt(variance) / np.log(survival)
            low, high = (np.exp(-np.exp(log_log + sign * -width)) for sign in (1, -1))
    with np.errstate(invalid="ignore"):
        std_error = survival * np.sqrt(variance)
    for t in map(int, times):
        has_interval = 0 < exact[t] < 1
        yield {
            "duration": t,
            "at_risk": int(at_risk[t]),
            "events": int(died[t]),
            "censored": int(left[t]),
            "hazard": rate(int(died[t]), int(at_risk[t])),
            "survival": float(survival[t]),
            "std_error": float(std_error[t]) if exact[t] else None,
            "ci_low": float(low[t]) if has_interval else None,
            "ci_high": float(high[t]) if has_interval else None,
            "median_duration": median,
            "restricted_mean_duration": fsum(exact[:-1]),
            "restricted_mean_until": len(exact) - 1,
            "restricted_mean_common": fsum(exact[:common]),
            "common_until": int(common),
        }
