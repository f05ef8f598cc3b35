"""Cohorts and retention, counted a second time in plain Python."""

import statistics
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil

from shops.accounts import as_one
from shops.oracle import (
    DAY,
    GRAINS,
    NOTHING,
    USUAL,
    Oracle,
    Refunds,
    days_between,
    exchanged,
    rate,
    read_seed,
    to_cents,
    wilson,
)
from shops.subscriptions import Subscriptions

HORIZONS = [30, 60, 90, 180, 365]
# By basis: the monthly rates at which the bands watch and high begin.
BANDS = {
    row["basis"]: (Fraction(row["watch"]), Fraction(row["target"]))
    for row in read_seed("kpi_targets")
    if (row["kpi"], row["period_grain"]) == ("monthly_equivalent_churn_rate", "month")
}


class CohortOracle(Oracle):
    """What the marts of cohorts and of retention must say of a shop."""

    def __init__(
        self,
        shop,
        dim_customers,
        zone,
        as_of,
        order_lapse_days,
        reactivation_gap_days,
        calendar=USUAL,
        subscriptions_observed_from="",
        **policy,
    ):
        super().__init__(zone, as_of, calendar)
        self.observed_from = date.fromisoformat(subscriptions_observed_from or "0001-01-01")
        shop = as_one(shop, self.as_of_at)
        self.order_lapse = timedelta(days=order_lapse_days)
        self.reactivation_gap = timedelta(days=reactivation_gap_days)
        self.read_orders(shop)
        self.read_subscriptions(shop, policy)
        self.read_segments(dim_customers)

    # What the raw rows say

    def read_orders(self, shop):
        """The days and the money of each customer, from the orders that count."""
        self.order_days = defaultdict(list)
        self.revenue, self.purchase_revenue = defaultdict(list), defaultdict(Decimal)
        # (day, amount) of purchases, and of what was paid back for them.
        self.purchases = defaultdict(list)
        # By order: (customer, is renewal), and (day, amount, currency).
        counted, amounts = {}, {}
        for order in shop["orders"]:
            if (
                order["status"] not in ("cancelled", "void", "failed")
                and not order["is_test"]
                and order["ordered_at"] < self.as_of_at
                and order["customer_id"] is not None
            ):
                day, is_purchase = self.day(order["ordered_at"]), order["subscription_id"] is None
                amount = to_cents(exchanged(order["amount"], order["currency"], day))
                counted[order["order_id"]] = order["customer_id"], is_purchase
                amounts[order["order_id"]] = day, amount, order["currency"]
                self.revenue[order["customer_id"]].append((day, amount))
                # A renewal is revenue, but no purchase.
                if is_purchase:
                    self.order_days[order["customer_id"]].append(day)
                    self.purchase_revenue[order["customer_id"]] += amount
                    self.purchases[order["customer_id"]].append((day, amount))
        self.refunds = Refunds(shop["refunds"], amounts, self)
        for order_id, paid_back in self.refunds.of_orders.items():
            customer_id, is_purchase = counted[order_id]
            for day, amount in paid_back:
                self.revenue[customer_id].append((day, -amount))
                self.purchase_revenue[customer_id] -= amount if is_purchase else 0
                if is_purchase:
                    self.purchases[customer_id].append((day, -amount))
        for customer_id, paid_back in self.refunds.credit_notes.items():
            self.revenue[customer_id] += [(day, -amount) for day, amount in paid_back]
        self.purchase_days = {
            customer: sorted(set(its_days)) for customer, its_days in self.order_days.items()
        }

    def read_subscriptions(self, shop, policy):
        """The stretches for which each customer pays: (from, until or None, MRR)."""
        self.subscriptions = Subscriptions(shop["subscriptions"], self, **policy)
        self.paying = defaultdict(list)
        for customer, stretches in self.subscriptions.paying.items():
            self.paying[customer] = [(one.pays_from, one.pays_to, one.mrr) for one in stretches]

    def mrr_at(self, customer, day):
        """Of the stretches that began before that midnight and did not end before it."""
        boundary = self.midnight(day)
        return sum(
            (
                mrr
                for begins, ends, mrr in self.paying[customer]
                if begins < boundary and (ends is None or ends >= boundary)
            ),
            NOTHING,
        )

    def read_segments(self, dim_customers):
        attributes = {row["customer_id"]: row for row in dim_customers}
        assert len(attributes) == len(dim_customers)
        for customer in {*self.purchase_days, *self.paying}:
            self.add_to_segments(customer, attributes[customer])

    def cohorts(self, first_days):
        """(columns of the cohort, its grain, its start, its customers), for all four grains."""
        for (name, value), members in self.segments.items():
            for grain in GRAINS:
                cohorts = defaultdict(list)
                for customer in members & first_days.keys():
                    cohorts[self.calendar.period_of(first_days[customer], grain)].append(customer)
                for start, its_customers in cohorts.items():
                    columns = {
                        "segment_name": name,
                        "segment_value": value,
                        "period_grain": grain,
                        "cohort_start": start,
                    }
                    yield columns, its_customers

    # The marts

    def rpt_order_cohorts(self):
        first_days = {customer: min(its_days) for customer, its_days in self.order_days.items()}
        for columns, its_customers in self.cohorts(first_days):
            cumulative = NOTHING
            periods = self.periods_from(columns["cohort_start"], columns["period_grain"])
            for since, (start, end, _, is_complete) in enumerate(periods):
                its_orders = [
                    (customer, day)
                    for customer in its_customers
                    for day in self.order_days[customer]
                ]
                active = len({customer for customer, day in its_orders if start <= day < end})
                rolling = len({customer for customer, day in its_orders if start <= day})
                net_revenue = sum(
                    (
                        amount
                        for customer in its_customers
                        for day, amount in self.revenue[customer]
                        if start <= day < end and day >= first_days[customer]
                    ),
                    NOTHING,
                )
                cumulative += net_revenue
                low, high = wilson(active, len(its_customers))
                rolling_low, rolling_high = wilson(rolling, len(its_customers))
                yield columns | {
                    "periods_since": since,
                    "period_start": start,
                    "cohort_customers": len(its_customers),
                    "active_customers": active,
                    "retention_rate": rate(active, len(its_customers)),
                    "retention_ci_low": low,
                    "retention_ci_high": high,
                    "rolling_active_customers": rolling,
                    "rolling_retention_rate": rate(rolling, len(its_customers)),
                    "rolling_retention_ci_low": rolling_low,
                    "rolling_retention_ci_high": rolling_high,
                    "orders": sum(start <= day < end for _, day in its_orders),
                    "net_revenue": net_revenue,
                    "cumulative_net_revenue": cumulative,
                    "is_complete": is_complete,
                    "is_rolling_complete": end + self.order_lapse <= self.as_of,
                }

    def rpt_subscription_cohorts(self):
        first_days = {
            customer: self.day(min(begins for begins, _, _ in stretches))
            for customer, stretches in self.paying.items()
        }
        for columns, its_customers in self.cohorts(first_days):
            opening = None
            periods = self.periods_from(columns["cohort_start"], columns["period_grain"])
            for since, (start, _, state_date, is_complete) in enumerate(periods):
                now = {customer: self.mrr_at(customer, state_date) for customer in its_customers}
                opening = opening or now
                kept = sum(min(now[customer], opening[customer]) for customer in its_customers)
                active = sum(mrr > 0 for mrr in now.values())
                low, high = wilson(active, len(its_customers))
                yield columns | {
                    "periods_since": since,
                    "period_start": start,
                    "cohort_customers": len(its_customers),
                    "active_customers": active,
                    "retention_rate": rate(active, len(its_customers)),
                    "retention_ci_low": low,
                    "retention_ci_high": high,
                    "opening_mrr": sum(opening.values()),
                    "mrr": sum(now.values()),
                    "net_revenue_retention": rate(sum(now.values()), sum(opening.values())),
                    "gross_revenue_retention": rate(kept, sum(opening.values())),
                    "is_complete": is_complete,
                    "is_left_truncated": columns["cohort_start"] < self.observed_from,
                }

    def rpt_repeat_purchase(self):
        first_days = {customer: its_days[0] for customer, its_days in self.purchase_days.items()}
        for columns, its_customers in self.cohorts(first_days):
            cohort_end = self.calendar.following(columns["cohort_start"], columns["period_grain"])
            is_complete = cohort_end <= self.as_of
            yield columns | self.repeat_purchase(its_customers) | {"is_complete": is_complete}
        for (name, value), members in self.segments.items():
            if buyers := members & first_days.keys():
                yield {
                    "segment_name": name,
                    "segment_value": value,
                    "period_grain": "all",
                    "cohort_start": None,
                    "is_complete": False,
                } | self.repeat_purchase(buyers)

    def repeat_purchase(self, its_customers):
        histories = [self.purchase_days[customer] for customer in its_customers]
        repeat = sum(len(history) > 1 for history in histories)
        low, high = wilson(repeat, len(histories))
        columns = {
            "customers": len(histories),
            "repeat_customers": repeat,
            "repeat_rate": rate(repeat, len(histories)),
            "repeat_ci_low": low,
            "repeat_ci_high": high,
        }
        for n in HORIZONS:
            within = timedelta(days=n)
            mature = [history for history in histories if history[0] + within <= self.last_day]
            back = sum(len(history) > 1 and history[1] <= history[0] + within for history in mature)
            low, high = wilson(back, len(mature))
            columns |= {
                f"mature_customers_{n}d": len(mature),
                f"repeat_customers_{n}d": back,
                f"repeat_rate_{n}d": rate(back, len(mature)),
                f"repeat_ci_low_{n}d": low,
                f"repeat_ci_high_{n}d": high,
            }
        orders = sum(len(self.order_days[customer]) for customer in its_customers)
        gaps = [
            (day - previous).days for history in histories for previous, day in pairwise(history)
        ]
        purchased = sum(self.purchase_revenue[customer] for customer in its_customers)
        spent = {
            customer: sum((amount for _, amount in self.revenue[customer]), NOTHING)
            for customer in its_customers
        }
        best_first = sorted(its_customers, key=lambda customer: (-spent[customer], customer))
        n_top = ceil(Fraction(len(histories), 10))
        top = sum(spent[customer] for customer in best_first[:n_top])
        others = sum(spent[customer] for customer in best_first[n_top:])
        n_others = len(histories) - n_top
        return columns | {
            "purchase_frequency": rate(orders, len(histories)),
            "average_order_value": to_cents(Fraction(purchased) / orders),
            "median_days_between": float(statistics.median(gaps)) if gaps else None,
            "mean_days_between": rate(sum(gaps), len(gaps)),
            "top_decile_revenue_share": rate(top, max(top + others, 0)),
            "top_decile_spend_multiple": (
                rate(Fraction(top) / n_top, Fraction(max(others, 0)) / n_others)
                if n_others
                else None
            ),
        }

    def spells(self, customer):
        """(first day, day of the end or date.max) of each spell; a spell bridges short gaps."""
        stretches = sorted(
            (self.day(begins), self.day(ends) if ends else date.max)
            for begins, ends, _ in self.paying[customer]
        )
        spells = []
        for start, end in stretches:
            if spells and start - spells[-1][1] <= self.reactivation_gap:
                spells[-1] = spells[-1][0], max(end, spells[-1][1])
            else:
                spells.append((start, end))
        # A later start may still bridge a gap at the end of the data.
        return [
            (start, date.max if self.as_of - end < self.reactivation_gap else end)
            for start, end in spells
        ]

    def rpt_retention_rates(self):
        buying = {
            customer: [(day, day + self.order_lapse) for day in its_days]
            for customer, its_days in self.purchase_days.items()
        }
        subscribing = {customer: self.spells(customer) for customer in self.paying}
        either = {
            customer: buying.get(customer, []) + subscribing.get(customer, [])
            for customer in {*buying, *subscribing}
        }
        bases = {"orders": buying, "subscriptions": subscribing, "any": either}
        for basis, activity in bases.items():
            # The days on which each customer is active, and the day of the loss ...
            at_risk = {
                customer: set().union(
                    *(days_between(start, min(end, self.last_day)) for start, end in its_activity)
                )
                for customer, its_activity in activity.items()
            }
            # ... and each midnight before which the customer was active.
            active_at = {
                customer: set().union(
                    *(
                        days_between(start + DAY, min(end, self.as_of))
                        for start, end in its_activity
                    )
                )
                for customer, its_activity in activity.items()
            }
            for (name, value), members in self.segments.items():
                present = members & activity.keys()
                for grain in GRAINS if present else []:
                    first_day = min(min(at_risk[customer]) for customer in present)
                    for period in self.periods_from(
                        self.calendar.period_of(first_day, grain), grain
                    ):
                        row = {
                            "segment_name": name,
                            "segment_value": value,
                            "basis": basis,
                            "period_grain": grain,
                            "period_start": period[0],
                            "is_complete": period[3],
                            "is_left_truncated": self.is_left_truncated(basis, period[0]),
                        } | self.retention(
                            [(at_risk[customer], active_at[customer]) for customer in present],
                            *period[:3],
                        )
                        monthly = row["monthly_equivalent_churn_rate"]
                        is_judged = monthly is not None and not row["is_left_truncated"]
                        row["churn_band"] = self.band(basis, monthly) if is_judged else None
                        yield row

    def is_left_truncated(self, basis, start):
        lacks_subscriptions = basis != "orders" and start < self.observed_from
        if basis == "subscriptions" or not self.purchase_days:
            return lacks_subscriptions
        first_data = min(its_days[0] for its_days in self.purchase_days.values())
        return lacks_subscriptions or start < first_data + self.order_lapse

    def retention(self, histories, start, end, state_date):
        at_start = at_end = new = returning = lost = lost_newcomers = events = days_at_risk = 0
        for at_risk, active_at in histories:
            in_period = {day for day in at_risk if start <= day < end}
            at_start += start in active_at
            at_end += state_date in active_at
            match start in active_at, state_date in active_at:
                case True, False:
                    lost += 1
                case False, True if min(at_risk) >= start:
                    new += 1
                case False, True:
                    returning += 1
                case False, False if in_period:
                    lost_newcomers += 1
            events += sum(day + DAY not in active_at for day in in_period)
            days_at_risk += len(in_period)
        joined = new + returning
        assert at_end == at_start - lost + joined
        low, high = wilson(at_end - joined, at_start)
        daily = rate(events, days_at_risk)
        daily_low, daily_high = wilson(events, days_at_risk)
        monthly, monthly_low, monthly_high = (
            None if chance is None else 1 - (1 - chance) ** 30.4375
            for chance in (daily, daily_low, daily_high)
        )
        return {
            "customers_at_start": at_start,
            "merged_customers": 0,
            "new_customers": new,
            "returning_customers": returning,
            "lost_customers": lost,
            "lost_newcomers": lost_newcomers,
            "customers_at_end": at_end,
            "retention_rate": rate(at_end - joined, at_start),
            "retention_ci_low": low,
            "retention_ci_high": high,
            "churn_rate": rate(lost, at_start),
            "churn_rate_average_base": rate(lost, Fraction(at_start + at_end, 2)),
            "churn_rate_everyone_served": rate(
                lost + lost_newcomers, at_start + joined + lost_newcomers
            ),
            "churn_events": events,
            "customer_days_at_risk": days_at_risk,
            "daily_churn_probability": daily,
            "daily_churn_ci_low": daily_low,
            "daily_churn_ci_high": daily_high,
            "monthly_equivalent_churn_rate": monthly,
            "monthly_equivalent_ci_low": monthly_low,
            "monthly_equivalent_ci_high": monthly_high,
        }

    @staticmethod
    def band(basis, monthly):
        watch, high = BANDS[basis]
        if monthly < watch:
            return "healthy"
        return "watch" if monthly <= high else "high"
