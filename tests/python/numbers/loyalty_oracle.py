"""Scores, tiers and members of the loyalty programme, counted a second time in plain Python."""

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from shops.accounts import as_one
from shops.oracle import DAY, GRAINS, NOTHING, rate, read_seed, to_cents, wilson

SEGMENTS = {
    (int(row["r_score"]), int(row["f_score"])): row["rfm_segment"]
    for row in read_seed("rfm_segments")
}
# (rank, name, minimum spend, kept for months)
TIERS = [
    (
        int(row["tier_rank"]),
        row["tier"],
        Decimal(row["minimum_spend"]),
        int(row["kept_for_months"]),
    )
    for row in read_seed("loyalty_tiers")
]
NAMES = {rank: name for rank, name, _, _ in TIERS} | {0: "(none)"}
HORIZON = timedelta(days=180)


def months_later(day, months):
    """The same day so many months later, or the last one of its month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def score(value, values):
    """A fifth of the values for each score, by how many are less than this one."""
    return 1 + 5 * sum(other < value for other in values) // len(values)


class LoyaltyOracle:
    """What the loyalty marts must say of a shop that `cohorts`, a JourneyOracle, has read."""

    def __init__(self, cohorts, shop, rfm_window_months=24, landmark_days=30):
        self.cohorts, self.as_of, self.last_day = cohorts, cohorts.as_of, cohorts.last_day
        self.window_start = months_later(self.as_of, -rfm_window_months)
        self.landmark = timedelta(days=landmark_days)
        self.joined_on = {
            row["customer_id"]: cohorts.day(row["loyalty_joined_at"])
            for row in as_one(shop, cohorts.as_of_at)["customers"]
            if row["loyalty_joined_at"] and row["loyalty_joined_at"] < cohorts.as_of_at
        }
        self.tiers = {customer: self.tiers_of(customer) for customer in cohorts.revenue}

    def tiers_of(self, customer):
        """The rank of the customer's tier in each month, from the month of the first money on."""
        revenue = self.cohorts.revenue[customer]
        month = min(day for day, _ in revenue).replace(day=1)
        spend_before, kept_until, tiers = None, {}, {}
        while month <= self.last_day:
            window_start = months_later(month, -12)
            spend = sum((amount for day, amount in revenue if window_start <= day < month), NOTHING)
            held = [0]
            for rank, _, minimum, kept_for in TIERS:
                if spend >= minimum and (spend_before is None or spend_before < minimum):
                    kept_until[rank] = months_later(month, kept_for)
                if spend >= minimum or (rank in kept_until and month < kept_until[rank]):
                    held.append(rank)
            tiers[month], spend_before = max(held), spend
            month = months_later(month, 1)
        return tiers

    def is_active_before(self, customer, midnight):
        return any(
            day < midnight <= day + self.cohorts.order_lapse
            for day in self.cohorts.purchase_days.get(customer, [])
        )

    def fct_customer_scores(self):
        facts = {
            customer: (
                its_days[-1],
                sum(day >= self.window_start for day in its_days),
                sum(
                    (
                        amount
                        for day, amount in self.cohorts.purchases[customer]
                        if day >= self.window_start
                    ),
                    NOTHING,
                ),
            )
            for customer, its_days in self.cohorts.purchase_days.items()
        }
        stages = {
            row["customer_id"]: row["stage"]
            for row in self.cohorts.fct_stage_changes()
            if row["side"] == "overall" and row["left_on"] is None
        }
        # Columns of the buyers in the window: last days, frequencies, spends.
        columns = list(zip(*[row for row in facts.values() if row[1]], strict=True))
        for customer, (last_purchase, frequency, monetary) in facts.items():
            row = last_purchase, frequency, monetary
            scores = [score(*pair) for pair in zip(row, columns, strict=True)] if frequency else []
            r_score, f_score, m_score = scores or (1, 1, 1)
            less = sum(other < monetary for other in columns[2]) if frequency else 0
            yield {
                "customer_id": customer,
                "recency_days": (self.last_day - last_purchase).days,
                "frequency": frequency,
                "monetary": monetary,
                "r_score": r_score,
                "f_score": f_score,
                "m_score": m_score,
                "rfm_segment": SEGMENTS[r_score, f_score],
                "is_top_decile": frequency > 0 and 10 * less >= 9 * len(columns[2]),
                "loyalty_tier": NAMES[self.tiers[customer].get(self.last_day.replace(day=1), 0)],
                "stage": stages[customer],
                "is_member": customer in self.joined_on,
                "member_since": self.joined_on.get(customer),
            }

    def rpt_loyalty_tiers(self):
        with_tier = [
            month for tiers in self.tiers.values() for month, rank in tiers.items() if rank
        ]
        first_money = min(
            (day for its in self.cohorts.revenue.values() for day, _ in its), default=self.as_of
        )
        month = min(with_tier, default=self.as_of)
        while month <= self.last_day:
            for rank, name, _, _ in TIERS:
                yield self.tier_in(month, rank) | {
                    "month": month,
                    "tier": name,
                    "tier_rank": rank,
                    "is_complete": months_later(month, 1) <= self.as_of,
                    "is_left_truncated": months_later(month, -12) < first_money,
                }
            month = months_later(month, 1)

    def tier_in(self, month, rank):
        before, next_month = months_later(month, -1), months_later(month, 1)
        moves = [
            (tiers.get(before, 0), tiers.get(month, 0), customer)
            for customer, tiers in self.tiers.items()
        ]
        holders = [customer for _, now, customer in moves if now == rank]
        active = [customer for customer in holders if self.is_active_before(customer, month)]
        end = min(next_month, self.as_of)
        retained = sum(self.is_active_before(customer, end) for customer in active)
        net_revenue = sum(
            (
                amount
                for customer in holders
                for day, amount in self.cohorts.revenue[customer]
                if month <= day < next_month
            ),
            NOTHING,
        )
        low, high = wilson(retained, len(active))
        return {
            "holders_at_start": sum(was == rank for was, _, _ in moves),
            "joined_holders": sum(was == 0 and now == rank for was, now, _ in moves),
            "moved_up_in": sum(0 < was < rank == now for was, now, _ in moves),
            "moved_down_in": sum(was > rank == now for was, now, _ in moves),
            "moved_up_out": sum(was == rank < now for was, now, _ in moves),
            "moved_down_out": sum(was == rank > now > 0 for was, now, _ in moves),
            "left_holders": sum(was == rank and now == 0 for was, now, _ in moves),
            "holders_at_end": len(holders),
            "active_holders": len(active),
            "retained_holders": retained,
            "retention_rate": rate(retained, len(active)),
            "retention_ci_low": low,
            "retention_ci_high": high,
            "net_revenue": net_revenue,
            "spend_per_holder": (
                to_cents(Fraction(net_revenue) / len(holders)) if holders else None
            ),
        }

    def rpt_loyalty_members(self):
        groups = {}
        for customer, its_days in self.cohorts.purchase_days.items():
            landmark, horizon = its_days[0] + self.landmark, its_days[0] + HORIZON
            if horizon <= self.last_day and self.is_active_before(customer, landmark + DAY):
                is_member = self.joined_on.get(customer, date.max) <= landmark
                for grain in GRAINS:
                    start = self.cohorts.calendar.period_of(its_days[0], grain)
                    groups.setdefault((grain, start, is_member), []).append(
                        (customer, landmark, horizon)
                    )
        for (grain, start, is_member), compared in groups.items():
            end = self.cohorts.calendar.following(start, grain)
            retained = sum(
                self.is_active_before(customer, horizon + DAY) for customer, _, horizon in compared
            )
            orders = sum(
                landmark < day <= horizon
                for customer, landmark, horizon in compared
                for day in self.cohorts.order_days[customer]
            )
            net_revenue = sum(
                (
                    amount
                    for customer, landmark, horizon in compared
                    for day, amount in self.cohorts.revenue[customer]
                    if landmark < day <= horizon
                ),
                NOTHING,
            )
            low, high = wilson(retained, len(compared))
            yield {
                "period_grain": grain,
                "cohort_start": start,
                "is_member": is_member,
                "customers": len(compared),
                "retained_customers": retained,
                "retention_rate": rate(retained, len(compared)),
                "retention_ci_low": low,
                "retention_ci_high": high,
                "orders": orders,
                "orders_per_customer": rate(orders, len(compared)),
                "net_revenue": net_revenue,
                "net_revenue_per_customer": to_cents(Fraction(net_revenue) / len(compared)),
                "is_complete": end + HORIZON <= self.as_of,
            }
