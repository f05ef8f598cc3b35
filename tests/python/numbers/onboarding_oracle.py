"""Onboarding and referrals, counted a second time in plain Python.

`scipy.stats.ecdf` draws the curves of the time to a milestone. It is told who was watched for how
long, customer by customer.
"""

from collections import Counter, defaultdict
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import sqrt
from statistics import variance

from cohort_oracle import CohortOracle
from scipy.stats import CensoredData, ecdf, norm
from shops.oracle import CENT, DAY, NOTHING, SEGMENTS, following, period_of, rate, to_cents, wilson

REACHED_WITHIN = [1, 7, 14, 30]
RETAINED_AFTER = [90, 180]
YEAR = 365 * DAY


class OnboardingOracle:
    """What rpt_onboarding, rpt_onboarding_retention and rpt_referrals must say of a shop.

    The oracle of cohorts has the days and the money of each customer already.
    """

    def __init__(
        self,
        shop: dict,
        dim_customers: list[dict],
        cohorts: CohortOracle,
        landmark_days: int,
        referral_reward: float,
    ):
        self.cohorts, self.last_day, self.as_of = cohorts, cohorts.last_day, cohorts.as_of
        self.landmark, self.reward = timedelta(landmark_days), Decimal(str(referral_reward))
        self.known = {row["customer_id"] for row in dim_customers}
        self.segments = defaultdict(set)
        for row in dim_customers:
            self.segments["all", "all"].add(row["customer_id"])
            for name in SEGMENTS:
                self.segments[name, row[name]].add(row["customer_id"])
        self.first_bought = {
            customer: its_days[0] for customer, its_days in cohorts.purchase_days.items()
        }
        self.acquired = dict(self.first_bought)
        for customer, stretches in cohorts.paying.items():
            first_paid = cohorts.day(min(begins for begins, _, _ in stretches))
            self.acquired[customer] = min(first_paid, self.acquired.get(customer, first_paid))
        self.read_beginnings()
        self.read_milestones(shop["milestones"])
        self.read_referrals(shop["customers"])
        self.rewards_sent = Counter(
            row["customer_id"]
            for row in shop["contacts"]
            if row["step"] == "reward" and row["sent_at"] < cohorts.as_of_at
        )

    # What the raw rows say

    def read_beginnings(self):
        self.began = dict(self.acquired)
        for stretches in self.cohorts.subscriptions.items.values():
            for one in (one for one in stretches if one.is_trial):
                day = self.cohorts.day(one.in_force_from)
                self.began[one.customer_id] = min(day, self.began.get(one.customer_id, day))

    def read_milestones(self, rows):
        """The first day of each milestone, by name and customer."""
        self.reached = defaultdict(dict)
        for row in rows:
            customer = row["customer_id"]
            if row["reached_at"] < self.cohorts.as_of_at and customer in self.began:
                day = self.cohorts.day(row["reached_at"])
                for name in (row["milestone"], "any"):
                    first = self.reached[name].get(customer, day)
                    self.reached[name][customer] = min(first, day)

    def read_referrals(self, rows):
        """(referrer, day of the account or None) of each customer whose referral counts."""
        accounts = {
            row["customer_id"]: row
            for row in rows
            if row["referred_by_customer_id"]
            and (row["signed_up_at"] is None or row["signed_up_at"] < self.cohorts.as_of_at)
        }
        self.referrals = {}
        for customer, row in accounts.items():
            # Whoever follows the referrers and comes back was there before the first of them.
            seen, at = set(), row["referred_by_customer_id"]
            while at in accounts and at not in seen and at != customer:
                seen.add(at)
                at = accounts[at]["referred_by_customer_id"]
            if at != customer:
                day = row["signed_up_at"] and self.cohorts.day(row["signed_up_at"])
                self.referrals[customer] = row["referred_by_customer_id"], day

    # The marts

    def rpt_onboarding(self):
        for (name, value), members in self.segments.items():
            cohorts = defaultdict(list)
            for customer in members & self.began.keys():
                cohorts["month", period_of(self.began[customer], "month")].append(customer)
                cohorts["all", None].append(customer)
            starts = [start for _, start in cohorts if start]
            for (grain, start), customers in cohorts.items():
                for milestone, reached in self.reached.items():
                    yield {
                        "segment_name": name,
                        "segment_value": value,
                        "period_grain": grain,
                        "cohort_start": start,
                        "milestone": milestone,
                        "is_left_truncated": (start or min(starts)) < min(reached.values()),
                        **self.onboarding(customers, reached, start),
                    }

    def onboarding(self, customers, reached, start):
        watched = {customer: (self.last_day - self.began[customer]).days for customer in customers}
        waited = {
            customer: max((reached[customer] - self.began[customer]).days, 0)
            for customer in customers
            if customer in reached
        }
        waits = [watched[customer] for customer in customers if customer not in waited]
        curve = Curve(list(waited.values()), waits)
        columns = {
            "customers": len(customers),
            "reached_customers": len(waited),
            "median_days": curve.median(),
        }
        is_over = start is not None and following(start, "month") <= self.as_of
        for n in REACHED_WITHIN:
            share, low, high = curve.reached_within(n)
            mature = sum(days >= n for days in watched.values())
            columns |= {
                f"mature_customers_{n}d": mature,
                f"reached_customers_{n}d": sum(days <= n for days in waited.values()),
                f"reached_rate_{n}d": share,
                f"reached_ci_low_{n}d": low,
                f"reached_ci_high_{n}d": high,
                f"is_complete_{n}d": is_over and mature == len(customers),
            }
        return columns

    def is_there(self, customer, day):
        """Whether a purchase carries the customer over this day, or a spell does."""
        carried = any(
            bought <= day < bought + self.cohorts.order_lapse
            for bought in self.cohorts.purchase_days.get(customer, [])
        )
        return carried or any(start <= day < end for start, end in self.cohorts.spells(customer))

    def rpt_onboarding_retention(self):
        for days in RETAINED_AFTER:
            there = {
                customer: self.is_there(customer, began + days * DAY)
                for customer, began in self.began.items()
                if began + days * DAY <= self.last_day
                and self.is_there(customer, began + self.landmark)
            }
            for (name, value), members in self.segments.items():
                compared = members & there.keys()
                for milestone, reached in self.reached.items() if compared else []:
                    in_time = {
                        customer
                        for customer in compared & reached.keys()
                        if reached[customer] <= self.began[customer] + self.landmark
                    }
                    groups = {"reached": in_time, "other": compared - in_time}
                    counts = {
                        group: (sum(there[customer] for customer in its), len(its))
                        for group, its in groups.items()
                    }
                    columns = {}
                    for group, (stayed, all_of_it) in counts.items():
                        low, high = wilson(stayed, all_of_it)
                        columns |= {
                            f"{group}_customers": all_of_it,
                            f"{group}_retained_customers": stayed,
                            f"{group}_retention_rate": rate(stayed, all_of_it),
                            f"{group}_retention_ci_low": low,
                            f"{group}_retention_ci_high": high,
                        }
                    difference, low, high = newcombe(*counts["reached"], *counts["other"])
                    yield columns | {
                        "segment_name": name,
                        "segment_value": value,
                        "milestone": milestone,
                        "landmark_days": self.landmark.days,
                        "horizon_days": days,
                        "retention_difference": difference,
                        "difference_ci_low": low,
                        "difference_ci_high": high,
                    }

    def rpt_referrals(self):
        for (name, value), members in self.segments.items():
            accounts, buyers = defaultdict(set), defaultdict(set)
            for customer in members & self.referrals.keys():
                day = self.referrals[customer][1] or self.acquired.get(customer)
                accounts["all", None].add(customer)
                if day:
                    accounts["month", period_of(day, "month")].add(customer)
            for customer in members & self.first_bought.keys():
                buyers["all", None].add(customer)
                buyers["month", period_of(self.first_bought[customer], "month")].add(customer)
            for grain, start in accounts.keys() | buyers.keys():
                yield {
                    "segment_name": name,
                    "segment_value": value,
                    "period_grain": grain,
                    "period_start": start,
                    "is_complete": start is not None and following(start, "month") <= self.as_of,
                    **self.referred(accounts[grain, start]),
                    **self.compared(buyers[grain, start]),
                }

    def referred(self, customers):
        became = len(customers & self.acquired.keys())
        due = len(customers & self.rewards_due())
        low, high = wilson(became, len(customers))
        return {
            "referrers": len({self.referrals[customer][0] for customer in customers}),
            "referred_customers": len(customers),
            "became_customers": became,
            "conversion_rate": rate(became, len(customers)),
            "conversion_ci_low": low,
            "conversion_ci_high": high,
            "rewards_due": due,
            "reward_amount": (due * self.reward).quantize(CENT),
        }

    def rewards_due(self):
        """The referred customers whose referrer still waits: each reward pays the first of them."""
        bought = defaultdict(list)
        for customer in self.referrals.keys() & self.first_bought.keys():
            referrer = self.referrals[customer][0]
            bought[referrer].append((self.first_bought[customer], customer))
        return {
            customer
            for referrer, its in bought.items()
            for _, customer in sorted(its)[self.rewards_sent[referrer] :]
        }

    def compared(self, buyers):
        columns, repeats, means = {}, [], []
        groups = {
            "referred": buyers & self.referrals.keys(),
            "other": buyers - self.referrals.keys(),
        }
        for group, customers in groups.items():
            mature = [
                self.cohorts.purchase_days[customer]
                for customer in customers
                if self.first_bought[customer] + 90 * DAY <= self.last_day
            ]
            back = sum(len(its) > 1 and its[1] <= its[0] + 90 * DAY for its in mature)
            repeats += [back, len(mature)]
            low, high = wilson(back, len(mature))
            values = [
                self.value(customer)
                for customer in customers
                if self.first_bought[customer] + YEAR <= self.as_of
            ]
            mean = Fraction(sum(values)) / len(values) if values else None
            error = sqrt(variance(values) / len(values)) if len(values) > 1 else None
            means += [(mean, error)]
            columns |= {
                f"{group}_buyers": len(customers),
                f"{group}_mature_customers_90d": len(mature),
                f"{group}_repeat_customers_90d": back,
                f"{group}_repeat_rate_90d": rate(back, len(mature)),
                f"{group}_repeat_ci_low_90d": low,
                f"{group}_repeat_ci_high_90d": high,
                f"{group}_mature_customers_365d": len(values),
                f"{group}_net_revenue_365d": sum(values, NOTHING),
                f"{group}_value_365d": None if mean is None else to_cents(mean),
                **ends(f"{group}_value", mean, error),
            }
        difference, low, high = newcombe(*repeats)
        (mean, error), (other_mean, other_error) = means
        apart = None if None in (mean, other_mean) else mean - other_mean
        both = None if None in (error, other_error) else sqrt(error**2 + other_error**2)
        return columns | {
            "repeat_difference_90d": difference,
            "repeat_difference_ci_low_90d": low,
            "repeat_difference_ci_high_90d": high,
            "value_difference_365d": None if apart is None else to_cents(apart),
            **ends("value_difference", apart, both),
        }

    def brought(self):
        """Each referrer with (accounts, what these brought to date)."""
        brought = {}
        for customer, (referrer, _) in self.referrals.items():
            accounts, revenue = brought.get(referrer, (0, NOTHING))
            its = self.cohorts.revenue.get(customer, [])
            brought[referrer] = accounts + 1, revenue + sum(amount for _, amount in its)
        return brought

    def value(self, customer):
        """Net revenue of the days from the first purchase on."""
        first = self.first_bought[customer]
        its = self.cohorts.revenue[customer]
        return sum((amount for day, amount in its if first <= day < first + YEAR), NOTHING)


class Curve:
    """Kaplan-Meier of those who reached it after so many days, and those who wait so long."""

    def __init__(self, reached: list[int], waiting: list[int]):
        self.reached, self.waiting = reached, waiting

    def at_risk(self, day):
        return sum(days >= day for days in self.reached + self.waiting)

    def survival(self, day):
        survival = Fraction(1)
        for time in sorted({days for days in self.reached if days <= day}):
            survival *= 1 - Fraction(self.reached.count(time), self.at_risk(time))
        return survival

    def median(self):
        half = (day for day in sorted(set(self.reached)) if self.survival(day) <= Fraction(1, 2))
        return next(half, None)

    def reached_within(self, day):
        """The share and its 95 % interval."""
        survival, at_risk = self.survival(day), self.at_risk(day)
        if survival == 0:
            return 1.0, wilson(*[sum(days <= day for days in self.reached)] * 2)[0], 1.0
        if not at_risk:
            return None, None, None
        if survival == 1:
            return 0.0, 0.0, wilson(0, at_risk)[1]
        curve = ecdf(CensoredData(uncensored=self.reached, right=self.waiting)).sf
        interval = curve.confidence_interval(0.95, method="log-log")
        low, high = (float(end.evaluate(day)) for end in (interval.high, interval.low))
        return 1 - float(curve.evaluate(day)), 1 - low, 1 - high


def newcombe(successes, trials, other_successes, other_trials):
    """The difference of two shares, and its interval from those of the two (Newcombe 1998)."""
    if not trials or not other_trials:
        return None, None, None
    share, other = successes / trials, other_successes / other_trials
    (low, high), (other_low, other_high) = (
        wilson(successes, trials),
        wilson(other_successes, other_trials),
    )
    return (
        share - other,
        share - other - sqrt((share - low) ** 2 + (other_high - other) ** 2),
        share - other + sqrt((high - share) ** 2 + (other - other_low) ** 2),
    )


def ends(name, mean, error):
    """The ends of the 95 % normal interval, to the cent."""
    reach = None if error is None or mean is None else norm.ppf(0.975) * error
    return {
        f"{name}_ci_{side}_365d": None
        if reach is None
        else Decimal(float(mean) + sign * reach)
        .quantize(Decimal("1e-8"))
        .quantize(CENT, ROUND_HALF_UP)
        for side, sign in (("low", -1), ("high", 1))
    }
