"""The answers: one CSV file per question."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from truth.money import Rates, cents
from truth.months import month_of, months_from, state_at
from truth.rows import CountedRows, Row
from truth.subscriptions import by_customer, pay_before, spells

Answer = tuple[Sequence[str], Iterable[Sequence[Any]]]


def write_truth(
    folder: Path,
    delivered: Mapping[str, Sequence[Row]],
    rejected: Counter[tuple[str, str]],
    rates: Path,
    as_of: datetime,
) -> None:
    """Write one CSV file per question into this folder.

    `delivered` holds the readable rows of each table as often as files hold them. Those of
    subscriptions have their effective moment. `rejected` counts the others by table and column.
    """
    truth = Truth(delivered, rejected, rates, as_of)
    answers: dict[str, Answer] = {
        "orders_by_month": truth.orders_by_month(),
        "order_cohorts": truth.order_cohorts(),
        "recurring_revenue": truth.recurring_revenue(),
        "movements": truth.movements_of_cases(),
        "spells": truth.spells_of_cases(),
        "row_outcomes": truth.row_outcomes(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, (columns, lines) in answers.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(lines)


class Truth:
    """The answers that follow from the rows that count."""

    def __init__(
        self,
        delivered: Mapping[str, Sequence[Row]],
        rejected: Counter[tuple[str, str]],
        rates: Path,
        as_of: datetime,
    ) -> None:
        """Find the rows that count, and price them."""
        self.as_of, self.rates = as_of, Rates(rates)
        self.rows = CountedRows(delivered, rejected, as_of)
        self.orders, self.refunds = self.rows.orders, self.rows.refunds
        self.subscriptions = by_customer(self.rows.versions, self.rates)

    # --- Orders ---------------------------------------------------------------------------------

    def in_usd(self, row: Row) -> Decimal:
        """Return the amount of an order, or of a refund at the rate of its order."""
        order = self.orders[row["order_id"]]
        return cents(row["amount"] * self.rates.on(order["ordered_at"], row["currency"]))

    def orders_by_month(self) -> Answer:
        """Return the sales of each month; a refund counts on its own day."""
        orders: Counter[tuple[date, str]] = Counter()
        amount: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
        refunded: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
        for row in self.orders.values():
            cell = month_of(row["ordered_at"]), "customer" if row["customer_id"] else "guest"
            orders[cell] += 1
            amount[cell] += self.in_usd(row)
        for row in self.refunds:
            buyer = self.orders[row["order_id"]]["customer_id"]
            cell = month_of(row["refunded_at"]), "customer" if buyer else "guest"
            refunded[cell] += self.in_usd(row)
        columns = ["month", "buyer", "orders", "amount", "net_revenue"]
        return columns, (
            [*cell, orders[cell], cents(amount[cell]), cents(amount[cell] - refunded[cell])]
            for cell in sorted(orders.keys() | refunded.keys())
        )

    def order_cohorts(self) -> Answer:
        """Return how many of each month's new buyers bought again in each month since."""
        bought_in: defaultdict[str, set[date]] = defaultdict(set)
        for row in self.orders.values():
            if row["customer_id"]:
                bought_in[row["customer_id"]].add(month_of(row["ordered_at"]))
        active = Counter((min(months), month) for months in bought_in.values() for month in months)
        cohorts = sorted({min(months) for months in bought_in.values()})
        return ["cohort_start", "periods_since", "active_customers"], (
            [cohort, number, active[cohort, month]]
            for cohort in cohorts
            for number, month in enumerate(months_from(cohort, self.as_of))
        )

    # --- Subscriptions --------------------------------------------------------------------------

    def movements(self) -> Iterator[tuple[str, date, str, Decimal, Decimal]]:
        """Yield customer, month, movement, opening and closing MRR, unless both are 0."""
        first = min(
            month_of(subscription.versions[0]["started_at"])
            for owned in self.subscriptions.values()
            for subscription in owned
        )
        for customer_id, owned in sorted(self.subscriptions.items()):
            opening, has_paid = Decimal(0), False
            for month in months_from(first, self.as_of):
                closing = pay_before(state_at(month, self.as_of), owned)
                if opening or closing:
                    movement = movement_between(opening, closing, has_paid)
                    yield customer_id, month, movement, opening, closing
                opening, has_paid = closing, has_paid or closing > 0

    def recurring_revenue(self) -> Answer:
        """Return the sums of the movements of each month, from the first paid month on."""
        kinds = ["new", "reactivation", "expansion", "contraction", "churned"]
        sums: defaultdict[tuple[date, str], Decimal] = defaultdict(lambda: Decimal("0.00"))
        paying: Counter[date] = Counter()
        for _, month, movement, opening, closing in self.movements():
            sums[month, "opening"] += opening
            sums[month, "closing"] += closing
            sums[month, movement] += abs(closing - opening)
            paying[month] += closing > 0
        columns = ["month", "opening_mrr", *(f"{kind}_mrr" for kind in kinds), "closing_mrr"]
        return [*columns, "customers_at_end"], (
            [
                month,
                *(sums[month, kind] for kind in ["opening", *kinds, "closing"]),
                paying[month],
            ]
            for month in months_from(min(paying), self.as_of)
        )

    def movements_of_cases(self) -> Answer:
        """Return each movement of a hard case."""
        columns = ["customer_id", "month", "movement", "amount", "opening_mrr", "closing_mrr"]
        return columns, (
            [customer_id, month, movement, *map(cents, (abs(closing - opening), opening, closing))]
            for customer_id, month, movement, opening, closing in self.movements()
            if customer_id.startswith("case-") and movement != "none"
        )

    def spells_of_cases(self) -> Answer:
        """Return each stretch in which a hard case pays; a stretch that still runs has no end."""
        return ["customer_id", "started_on", "ended_on"], (
            [customer_id, started_on, ended_on]
            for customer_id, owned in sorted(self.subscriptions.items())
            if customer_id.startswith("case-")
            for started_on, ended_on in spells(owned, self.as_of)
        )

    # --- Rows -----------------------------------------------------------------------------------

    def row_outcomes(self) -> Answer:
        """Return what became of the rows of each table."""
        return ["table_name", "outcome", "reason", "rows"], self.rows.outcomes()


def movement_between(opening: Decimal, closing: Decimal, has_paid: bool) -> str:
    """Return the movement from one month end to the next."""
    if opening == closing:
        return "none"
    if not opening:
        return "reactivation" if has_paid else "new"
    if not closing:
        return "churned"
    return "expansion" if closing > opening else "contraction"
