"""Surveys, complaints, tickets and carts, counted a second time in plain Python."""

from calendar import monthrange
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import sqrt

from shops.oracle import DAY, NOTHING, SEGMENTS, days_between, rate, wilson

Z = 1.959963984540054
SILENT_PER_COMPLAINT, COMPLAINT_DAYS, CART_HOURS = 16, 7, timedelta(hours=24)
KEPT_DAYS, CHURN_DAYS, RECOVERED_WITHIN = 90 * DAY, 60 * DAY, 7 * DAY
SPEEDS = {
    "up to 1 h": timedelta(hours=1),
    "up to 4 h": timedelta(hours=4),
    "up to 24 h": timedelta(hours=24),
    "later or never": timedelta.max,
}


def month_of(day):
    return day.replace(day=1)


def next_month(month):
    return month + timedelta(days=monthrange(month.year, month.month)[1])


class VoiceOracle:
    """What the marts of plays must say of a shop; `cohorts` is the CohortOracle of the shop."""

    def __init__(self, shop, dim_customers, cohorts):
        self.shop, self.cohorts = shop, cohorts
        self.as_of, self.last_day = cohorts.as_of, cohorts.last_day
        self.attributes = {row["customer_id"]: row for row in dim_customers}
        # The days on which each customer is active, and those days with the day of each loss.
        self.kept, self.at_risk, acquired = defaultdict(set), defaultdict(set), {}
        for customer in {*cohorts.purchase_days, *cohorts.paying}:
            bought = cohorts.purchase_days.get(customer, [])
            stretches = [(day, day + cohorts.order_lapse) for day in bought]
            for start, end in stretches + cohorts.spells(customer):
                end = min(end, self.as_of + DAY)
                self.kept[customer] |= days_between(start, end - DAY)
                self.at_risk[customer] |= days_between(start, end)
            began = [cohorts.day(begins) for begins, _, _ in cohorts.paying.get(customer, [])]
            if bought or began:
                acquired[customer] = min(bought + began)
        self.cohort = {customer: month_of(day) for customer, day in acquired.items()}

    def counted(self, table, time):
        """The rows that count, each with its day and month."""
        for row in self.shop[table]:
            if not row["is_deleted"] and row[time] < self.cohorts.as_of_at:
                day = self.cohorts.day(row[time])
                yield row | {"day": day, "month": month_of(day)}

    def segments_of(self, customer):
        yield "all", "all"
        for name in SEGMENTS:
            yield name, self.attributes.get(customer, defaultdict(lambda: "(none)"))[name]

    def by_segment(self, rows, with_all_time):
        """(segment name, segment value, month or None): its rows."""
        groups = defaultdict(list)
        for row in rows:
            for segment in self.segments_of(row["customer_id"]):
                for month in [row["month"], None] if with_all_time else [row["month"]]:
                    groups[*segment, month].append(row)
        return groups

    def so_far(self, moment):
        return moment if moment and moment < self.cohorts.as_of_at else None

    # Surveys and complaints

    def rpt_feedback(self):
        latest, complaints = {}, []
        for row in self.counted("feedback", "given_at"):
            row["kind"] = row["kind"].lower()
            if row["kind"] == "complaint":
                complaints.append(row)
                continue
            key = row["kind"], row["customer_id"], row["month"]
            found = latest.setdefault(key, row)
            if (row["given_at"], row["feedback_id"]) > (found["given_at"], found["feedback_id"]):
                latest[key] = row
        rows = [*latest.values(), *complaints]
        for (name, value, month), group in self.by_segment(rows, True).items():
            yield {
                "segment_name": name,
                "segment_value": value,
                "period_grain": "month" if month else "all",
                "period_start": month,
                **self.surveys(group),
                **self.complaints([row for row in group if row["kind"] == "complaint"]),
                "is_complete": bool(month) and next_month(month) <= self.as_of,
                "is_follow_up_complete": (
                    bool(month) and next_month(month) + KEPT_DAYS <= self.as_of
                ),
            }

    def surveys(self, group):
        scores = [row["score"] for row in group if row["kind"] == "nps"]
        promoters, detractors = sum(s >= 9 for s in scores), sum(s <= 6 for s in scores)
        net = Fraction(promoters - detractors, len(scores)) if scores else None
        error = None
        if (
            len(scores) >= 10
            and (variance := Fraction(promoters + detractors, len(scores)) - net**2) > 0
        ):
            error = sqrt(variance / len(scores))
        csat = [row["score"] for row in group if row["kind"] == "csat"]
        satisfied = sum(score >= 8 for score in csat)
        low, high = wilson(satisfied, len(csat))
        return {
            "nps_answers": len(scores),
            "promoters": promoters,
            "passives": len(scores) - promoters - detractors,
            "detractors": detractors,
            "nps": float(100 * net) if scores else None,
            "nps_ci_low": max(-100.0, float(100 * (net - Z * error))) if error else None,
            "nps_ci_high": min(100.0, float(100 * (net + Z * error))) if error else None,
            "csat_answers": len(csat),
            "satisfied_answers": satisfied,
            "csat": rate(satisfied, len(csat)),
            "csat_ci_low": low,
            "csat_ci_high": high,
            "csat_mean_score": rate(sum(csat), len(csat)),
        }

    def complaints(self, complaints):
        decided, heard, mature, kept = 0, 0, Counter(), Counter()
        for row in complaints:
            resolved_at = self.so_far(row["resolved_at"])
            days = (self.cohorts.day(resolved_at) - row["day"]).days if resolved_at else 1000
            word = "heard" if days <= COMPLAINT_DAYS else "unheard"
            if row["day"] + COMPLAINT_DAYS * DAY < self.as_of:
                decided += 1
                heard += word == "heard"
            later = row["day"] + KEPT_DAYS
            if later < self.as_of and row["day"] in self.at_risk[row["customer_id"]]:
                mature[word] += 1
                kept[word] += later in self.kept[row["customer_id"]]
        low, high = wilson(heard, decided)
        columns = {
            "complaints": len(complaints),
            "complaining_customers": len({row["customer_id"] for row in complaints}),
            "silent_customers": len(complaints) * SILENT_PER_COMPLAINT,
            "decided_complaints": decided,
            "heard_complaints": heard,
            "heard_rate": rate(heard, decided),
            "heard_ci_low": low,
            "heard_ci_high": high,
        }
        for word in ["heard", "unheard"]:
            low, high = wilson(kept[word], mature[word])
            columns |= {
                f"mature_{word}_complaints": mature[word],
                f"kept_{word}_complaints": kept[word],
                f"{word}_retention_rate": rate(kept[word], mature[word]),
                f"{word}_retention_ci_low": low,
                f"{word}_retention_ci_high": high,
            }
        return columns

    # Tickets

    def rpt_support(self):
        groups = defaultdict(list)
        for row in self.counted("tickets", "opened_at"):
            channel = row["channel"] if row["channel"] not in (None, "all") else "(none)"
            for month in [row["month"], None]:
                for name in [channel, "all"]:
                    groups[month, name].append(row)
        for (month, channel), tickets in groups.items():
            answers, resolutions, transfers = [], [], []
            for row in tickets:
                answered, resolved = (
                    self.so_far(row[column]) for column in ["first_response_at", "resolved_at"]
                )
                until = answered or resolved or self.cohorts.as_of_at
                answers.append((self.minutes(row, until), bool(answered)))
                until = resolved or self.cohorts.as_of_at
                resolutions.append((self.minutes(row, until), bool(resolved)))
                transfers += [row["transfers"]] if row["transfers"] is not None else []
            yield {
                "period_grain": "month" if month else "all",
                "period_start": month,
                "channel": channel,
                "tickets": len(tickets),
                "open_tickets": sum(not self.so_far(row["resolved_at"]) for row in tickets),
                "unanswered_tickets": sum(
                    not self.so_far(row["resolved_at"])
                    and not self.so_far(row["first_response_at"])
                    for row in tickets
                ),
                "median_first_response_hours": hours_until(Fraction(1, 2), answers),
                "p90_first_response_hours": hours_until(Fraction(1, 10), answers),
                "median_resolution_hours": hours_until(Fraction(1, 2), resolutions),
                "p90_resolution_hours": hours_until(Fraction(1, 10), resolutions),
                "mean_transfers": rate(sum(transfers), len(transfers)),
                "is_complete": bool(month) and next_month(month) <= self.as_of,
            }

    @staticmethod
    def minutes(row, until):
        return (until - row["opened_at"]) // timedelta(minutes=1)

    def is_lost(self, customer, day):
        """Whether the activity of that day ends within 60 days."""
        return any(
            later not in self.kept[customer] for later in days_between(day, day + CHURN_DAYS)
        )

    def rpt_support_churn(self):
        ticket_days = defaultdict(set)
        tickets = list(self.counted("tickets", "opened_at"))
        for row in tickets:
            ticket_days[row["customer_id"]].add(row["day"])
        groups = defaultdict(list)
        for row in tickets:
            customer, compared_on = row["customer_id"], next_month(row["month"])
            if compared_on + CHURN_DAYS > self.last_day or row["day"] not in self.at_risk[customer]:
                continue
            lost = [
                self.is_lost(other, compared_on)
                for other, cohort in self.cohort.items()
                if cohort == self.cohort[customer]
                and compared_on in self.at_risk[other]
                and not ticket_days[other]
                & days_between(compared_on - CHURN_DAYS, compared_on - DAY)
            ]
            answered = self.so_far(row["first_response_at"])
            wait = answered - row["opened_at"] if answered else timedelta.max
            band = next(band for band, most in SPEEDS.items() if wait <= most)
            ticket = self.is_lost(customer, row["day"]), lost
            for month in [row["month"], None]:
                for name in [band, "all"]:
                    groups[month, name].append(ticket)
        for (month, band), found in groups.items():
            compared = [ticket for ticket in found if ticket[1]]
            lost = sum(is_lost for is_lost, _ in compared)
            expected = sum((Fraction(sum(others), len(others)) for _, others in compared), 0)
            low, high = wilson(lost, len(compared))
            yield {
                "period_grain": "month" if month else "all",
                "period_start": month,
                "speed_band": band,
                "tickets": len(compared),
                "lost_tickets": lost,
                "churn_rate": rate(lost, len(compared)),
                "churn_ci_low": low,
                "churn_ci_high": high,
                "churn_rate_without_ticket": rate(expected, len(compared)),
                "tickets_without_others": len(found) - len(compared),
            }

    # Carts

    def rpt_carts(self):
        orders = {row["order_id"]: row for row in self.shop["orders"]}
        carts = [
            row | {"bought_at": self.bought_at(row, orders)}
            for row in self.counted("carts", "created_at")
            if row["order_id"] is None or row["order_id"] in orders
        ]
        for (name, value, month), group in self.by_segment(carts, False).items():
            old = [row for row in group if row["created_at"] + CART_HOURS <= self.cohorts.as_of_at]
            abandoned = [row for row in old if not is_within(row, CART_HOURS)]
            until = self.cohorts.as_of_at - RECOVERED_WITHIN
            mature = [row for row in abandoned if row["created_at"] <= until]
            recovered = [row for row in mature if is_within(row, RECOVERED_WITHIN)]
            low, high = wilson(len(abandoned), len(old))
            recovery_low, recovery_high = wilson(len(recovered), len(mature))
            yield {
                "segment_name": name,
                "segment_value": value,
                "month": month,
                "carts": len(group),
                "cart_amount": total(group),
                "undecided_carts": len(group) - len(old),
                "bought_carts": len(old) - len(abandoned),
                "abandoned_carts": len(abandoned),
                "abandonment_rate": rate(len(abandoned), len(old)),
                "abandonment_ci_low": low,
                "abandonment_ci_high": high,
                "mature_abandoned_carts": len(mature),
                "recovered_carts": len(recovered),
                "recovery_rate": rate(len(recovered), len(mature)),
                "recovery_ci_low": recovery_low,
                "recovery_ci_high": recovery_high,
                "amount_left": total(abandoned),
                "amount_won_back": total(recovered),
                "is_complete": (
                    next_month(month) <= self.as_of
                    and len(old) == len(group)
                    and len(mature) == len(abandoned)
                ),
            }

    def bought_at(self, cart, orders):
        """When the order of the cart came; the latest possible moment, if it never did."""
        if cart["order_id"]:
            its_orders = [orders[cart["order_id"]]]
        else:
            its_orders = [
                order
                for order in orders.values()
                if cart["customer_id"]
                and order["customer_id"] == cart["customer_id"]
                and order["subscription_id"] is None
                and order["ordered_at"] >= cart["created_at"]
            ]
        times = [
            order["ordered_at"]
            for order in its_orders
            if order["status"] not in ("cancelled", "void", "failed")
            and not order["is_test"]
            and order["ordered_at"] < self.cohorts.as_of_at
        ]
        return min(times, default=None)


def is_within(cart, wait):
    return cart["bought_at"] is not None and cart["bought_at"] <= cart["created_at"] + wait


def total(carts):
    return sum((Decimal(row["amount"]) for row in carts if row["amount"] is not None), NOTHING)


def hours_until(share, waits):
    """After how many hours at most this share still waits, by Kaplan and Meier; None if never."""
    waiting = Fraction(1)
    for minutes in sorted({minutes for minutes, _ in waits}):
        at_risk = sum(other >= minutes for other, _ in waits)
        events = sum(other == minutes and is_event for other, is_event in waits)
        waiting *= 1 - Fraction(events, at_risk)
        if waiting <= share:
            return minutes / 60
    return None
