"""The answers: one CSV file per question."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from truth.journeys import Journeys
from truth.money import Rates, cents
from truth.months import month_of, months_from, state_at
from truth.plays import Plays
from truth.rows import CountedRows, Row
from truth.subscriptions import by_customer, pay_before, spells
from truth.voice import Voice

Answer = tuple[Sequence[str], Iterable[Sequence[Any]]]


def write_truth(
    folder: Path, rows: CountedRows, rates: Path, brought: Set[tuple[str, str, date]]
) -> None:
    """Write one CSV file per question into this folder.

    `brought` has play, customer and day of each enrolment without which the customer had not come.
    """
    truth = Truth(rows, rates)
    journeys = Journeys(rows, truth.subscriptions)
    voice = Voice(rows, truth.rates, journeys.customers)
    plays = Plays(rows, journeys, brought)
    answers: dict[str, Answer] = {
        "orders_by_month": truth.orders_by_month(),
        "order_cohorts": truth.order_cohorts(),
        "orders": truth.orders_of_cases(),
        "recurring_revenue": truth.recurring_revenue(),
        "movements": truth.movements_of_cases(),
        "spells": truth.spells_of_cases(),
        "row_outcomes": truth.row_outcomes(),
        "stages": journeys.stages(),
        "milestones": journeys.milestones(),
        "retention_by_milestone": journeys.retention_by_milestone(),
        "referrals": journeys.referrals(),
        "loyalty_members": journeys.loyalty_members(),
        "feedback": voice.feedback(),
        "tickets": voice.tickets(),
        "carts": voice.carts(),
        "play_enrollments": plays.enrolled(),
        "play_results": plays.results(),
        "play_contacts": plays.contacts(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, (columns, lines) in answers.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(lines)


class Truth:
    """The answers that follow from the rows that count."""

    def __init__(self, rows: CountedRows, rates: Path) -> None:
        """Price the rows."""
        self.rows, self.as_of, self.rates = rows, rows.as_of, Rates(rates)
        self.orders, self.refunds = self.rows.orders, self.rows.refunds
        self.subscriptions = by_customer(self.rows.versions, self.rates, self.as_of)
        self.refunded = self.refunds_in_usd()
        self.note_what_never_paid()

    # --- Orders ---------------------------------------------------------------------------------

    def in_usd(self, row: Row, column: str = "amount") -> Decimal:
        """Return an amount of an order: what was paid, or 0 for another one that it lacks."""
        amount = row["amount"] if column == "amount" else row.get(column) or Decimal(0)
        return cents(amount * self.rates.on(row["ordered_at"], row["currency"]))

    def refunds_in_usd(self) -> list[tuple[Row, Row | None, Decimal]]:
        """Return refund, its order, and what counts of it: no order is refunded beyond its amount.

        A refund is converted at the rate of its order. One without an order is a credit note.
        """
        counted: list[tuple[Row, Row | None, Decimal]] = []
        left = {key: row["amount"] for key, row in self.orders.items()}
        for row in sorted(self.refunds, key=lambda row: (row["refunded_at"], row["refund_id"])):
            if not row["order_id"]:
                rate = self.rates.on(row["refunded_at"], row["currency"])
                counted.append((row, None, cents(row["amount"] * rate)))
                continue
            order = self.orders[row["order_id"]]
            if row["currency"] != order["currency"]:
                raise ValueError(f"refund {row['refund_id']} has another currency than its order")
            part = min(row["amount"], left[row["order_id"]])
            left[row["order_id"]] -= part
            if part < row["amount"]:
                what = "the part beyond what" if part else "nothing"
                self.rows.not_counted["refunds", f"{what} was left of its order"] += 1
            if part:
                rate = self.rates.on(order["ordered_at"], order["currency"])
                counted.append((row, order, cents(part * rate)))
        return counted

    def orders_by_month(self) -> Answer:
        """Return the sales of each month; a refund counts on its own day."""
        orders: Counter[tuple[date, str]] = Counter()
        purchases: Counter[tuple[date, str]] = Counter()
        beside = ["amount", "discount_amount", "tax_amount", "shipping_amount"]
        amounts: defaultdict[tuple[date, str], list[Decimal]] = defaultdict(
            lambda: [Decimal(0)] * len(beside)
        )
        refunded: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
        credited: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
        for row in self.orders.values():
            cell = month_of(row["ordered_at"]), "customer" if row["customer_id"] else "guest"
            orders[cell] += 1
            purchases[cell] += is_purchase(row)
            amounts[cell] = [
                total + self.in_usd(row, column)
                for total, column in zip(amounts[cell], beside, strict=True)
            ]
        for row, order, part in self.refunded:
            buyer = (order or row)["customer_id"]
            cell = month_of(row["refunded_at"]), "customer" if buyer else "guest"
            refunded[cell] += part
            credited[cell] += 0 if order else part
        columns = ["month", "buyer", "orders", "purchases", *beside, "credit_notes", "net_revenue"]
        return columns, (
            [
                *cell,
                orders[cell],
                purchases[cell],
                *map(cents, amounts[cell]),
                *map(cents, (credited[cell], amounts[cell][0] - refunded[cell])),
            ]
            for cell in sorted(orders.keys() | refunded.keys())
        )

    def order_cohorts(self) -> Answer:
        """Return how many of each month's new buyers bought again in each month since."""
        bought_in: defaultdict[str, set[date]] = defaultdict(set)
        for row in self.orders.values():
            if row["customer_id"] and is_purchase(row):
                bought_in[row["customer_id"]].add(month_of(row["ordered_at"]))
        active = Counter((min(months), month) for months in bought_in.values() for month in months)
        cohorts = sorted({min(months) for months in bought_in.values()})
        return ["cohort_start", "periods_since", "active_customers"], (
            [cohort, number, active[cohort, month]]
            for cohort in cohorts
            for number, month in enumerate(months_from(cohort, self.as_of))
        )

    def orders_of_cases(self) -> Answer:
        """Return each counted order of a hard case; a renewal has no number."""
        refunded: defaultdict[str, Decimal] = defaultdict(Decimal)
        for _, order, part in self.refunded:
            if order:
                refunded[order["order_id"]] += part
        owned: defaultdict[str, list[Row]] = defaultdict(list)
        for row in self.orders.values():
            if row["customer_id"] and row["customer_id"].startswith("case-"):
                owned[row["customer_id"]].append(row)
        lines: list[list[Any]] = []
        for customer_id, rows in sorted(owned.items()):
            number = 0
            for row in sorted(rows, key=lambda row: (row["ordered_at"], row["order_id"])):
                number += is_purchase(row)
                paid_back = refunded[row["order_id"]]
                amounts = map(cents, (paid_back, self.in_usd(row) - paid_back))
                order_number = number if is_purchase(row) else None
                lines.append([row["order_id"], customer_id, order_number, *amounts])
        columns = ["order_id", "customer_id", "order_number", "refunded_amount", "net_amount"]
        return columns, lines

    # --- Subscriptions --------------------------------------------------------------------------

    def movements(self) -> Iterator[tuple[str, date, str, Decimal, Decimal]]:
        """Yield customer, month, movement, opening and closing MRR, unless both are 0."""
        first = min(
            month_of(item.versions[0]["started_at"])
            for owned in self.subscriptions.values()
            for item in owned
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

    def note_what_never_paid(self) -> None:
        """Keep count of the versions of items that are in no number."""
        for owned in self.subscriptions.values():
            for item in owned:
                if reason := item.why_never_paid():
                    what = "subscriptions", f"has never paid: {reason}"
                    self.rows.not_counted[what] += len(item.versions)

    # --- Rows -----------------------------------------------------------------------------------

    def row_outcomes(self) -> Answer:
        """Return what became of the rows of each table."""
        return ["table_name", "outcome", "reason", "rows"], self.rows.outcomes()


def is_purchase(order: Row) -> bool:
    """Tell a purchase from the renewal of a subscription."""
    return not order.get("subscription_id")


def movement_between(opening: Decimal, closing: Decimal, has_paid: bool) -> str:
    """Return the movement from one month end to the next."""
    if opening == closing:
        return "none"
    if not opening:
        return "reactivation" if has_paid else "new"
    if not closing:
        return "churned"
    return "expansion" if closing > opening else "contraction"
